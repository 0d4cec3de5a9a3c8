"""Record a narrated tour of a web application: `python record_tour.py tutorial.json --tts-backend colab`."""

from dispatcher.cli.tour import main

if __name__ == "__main__":
    main()
