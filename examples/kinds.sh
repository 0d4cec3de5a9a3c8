#!/bin/sh
# Every kind of work once, on the files beside this, by the engines that need no download: `sh examples/kinds.sh [folder]`.
set -eu
cd "$(dirname "$0")/.."
out=${1:-demo-output/kinds}

run() { .venv/bin/gpudrop "$@" --out "$out"; }

run transcribe examples/media/jfk.flac --formats srt,json
run upscale examples/media/bikes.mp4 examples/media/photo.jpg
run stabilize examples/media/bikes.mp4
run analyze examples/media/bikes.mp4
run encode examples/media/bikes.mp4 --codec hevc
run enhance examples/media/notes.txt
