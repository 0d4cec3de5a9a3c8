"""Record a narrated tour of a web application: `python record_tour.py tutorial.json --tts-backend colab`."""

from gpudrop_start import start

if __name__ == "__main__":
    start("dispatcher.cli.tour")
