#!/bin/sh
# The first thing to run on a new image: both commands on one picture of a face, and a look at what they wrote.
#   docker run --rm -v "$PWD/tests/fixtures/media:/media:ro" openface-base smoke-test /media/astronaut.png
# 711 columns for the picture and 714 for the sequence prove that the landmark, eye and action-unit models were read:
# where one cannot be, OpenFace leaves its columns out and exits 0 all the same.
set -eu
picture=${1:?usage: smoke-test.sh PICTURE}
bin=${OPENFACE_BIN_DIR:-/opt/openface/bin}
columns="-2Dfp -3Dfp -pdmparams -pose -aus -gaze"
# Nested threads make OpenFace slower, and OpenBLAS abort on hosts with many cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# run COMMAND COLUMNS INPUT_OPTION INPUT
run() {
    command=$1 expected=$2
    shift 2
    # shellcheck disable=SC2086 # the column options are words
    if ! "$bin/$command" "$@" -out_dir "$out" -of "$command.csv" $columns >"$out/log" 2>&1; then
        tail -n 20 "$out/log" >&2
        echo "FAILED: $command" >&2
        exit 1
    fi
    if [ ! -s "$out/$command.csv" ] || [ "$(wc -l <"$out/$command.csv")" -lt 2 ]; then
        tail -n 20 "$out/log" >&2
        echo "FAILED: $command found no face in $picture" >&2
        exit 1
    fi
    found=$(head -n 1 "$out/$command.csv" | awk -F , '{ print NF }')
    if [ "$found" -ne "$expected" ]; then
        echo "FAILED: $command wrote $found columns, not $expected" >&2
        exit 1
    fi
    echo "ok: $command, $found columns"
}

if [ -x "$bin/../cpu-check" ]; then "$bin/../cpu-check"; fi
run FaceLandmarkImg 711 -f "$picture"
# A sequence of one frame: a video without a video file.
mkdir "$out/frames"
cp "$picture" "$out/frames/"
run FeatureExtraction 714 -fdir "$out/frames" -au_static
echo "OpenFace works here"
