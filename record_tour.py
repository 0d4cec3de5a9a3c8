"""Record a narrated tour of a web application: `python record_tour.py tutorial.json --tts-backend colab`."""

import sys

try:
    from dispatcher.cli.tour import main
except KeyboardInterrupt:  # before anything has begun
    sys.exit(130)

if __name__ == "__main__":
    main()
