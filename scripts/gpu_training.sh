#!/usr/bin/env bash
# Training on a GPU that is rented for a quarter of an hour: docs/training_gpu.md says what to type.
#
#   scripts/gpu_training.sh pack --out out/gpu_packs ...   here: what travels
#   scripts/gpu_training.sh render SECONDS                 there, first call: unpack, render
#   scripts/gpu_training.sh train SECONDS CONFIG...        there, second call: train, evaluate
#   scripts/gpu_training.sh join FOLDER WEIGHTS            here: what came back, as one file
#   scripts/gpu_training.sh dry-run PACK OPTIONS...        here: all of it with ten steps on the CPU
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python3
    [[ ! -x .venv/bin/python ]] || PYTHON=.venv/bin/python
fi
PACKS=${HANDOS_GPU_PACKS:-out/gpu_packs}
WORK=${HANDOS_GPU_WORK:-out/gpu}
OUT=${OUT:-$WORK/back}
SAVE_SECONDS=${HANDOS_GPU_SAVE_SECONDS:-180}
FRAMES=${HANDOS_GPU_FRAMES:-70000}
SIZE=${HANDOS_GPU_FRAME_SIZE:-320}
RARE=${HANDOS_GPU_RARE---gloves 0.1 --held 0.2 --crowds 0.2 --head-mounted 0.1 --infrared 0.05 --darkness 0.05}

training() { "$PYTHON" scripts/gpu_training.py "$@"; }

unpack() {
    if [[ -f $PACKS/$1 ]]; then
        training unpack "$PACKS/$1" --work "$WORK"
    else
        echo "there is no $PACKS/$1: going on with what is in $WORK"
    fi
}

# Shards that are finished when the time is up are kept.
render() {
    mkdir -p "$OUT" "$WORK"
    unpack first.zip
    nvidia-smi --query-gpu=name,memory.total --format=csv,noheader || echo "no GPU"
    if [[ -d $WORK/assets ]]; then
        local backgrounds=()
        [[ ! -d $WORK/backgrounds ]] || backgrounds=(--backgrounds "$WORK/backgrounds")
        timeout --signal=TERM "$1" "$PYTHON" -c "from handos_model.commands.cli import main; main()" synth --assets "$WORK/assets" \
            --out "$WORK/rendered" --count "$FRAMES" --size "$SIZE" --seed "${SEED:-51}" --workers "$(nproc)" \
            $RARE "${backgrounds[@]}" || echo "rendering was stopped by the clock"
    fi
    find "$WORK/rendered" -name 'shard_*.npz' | wc -l | sed 's/$/ shards of rendered frames/'
}

train() {
    local until=$(($(date +%s) + $1))
    shift
    mkdir -p "$OUT" "$WORK"
    unpack second.zip
    keep_publishing "$1" &
    publisher=$!
    trap 'kill "$publisher" 2>/dev/null || true' EXIT
    set +e
    training train "$@" --work "$WORK" --out "$OUT" --until "$until" ${TRAIN_OPTIONS:-} > >(tee "$OUT/log.txt") 2>&1
    local status=$?
    set -e
    kill "$publisher" 2>/dev/null || true
    cp "$WORK"/state/*.jsonl "$OUT" 2>/dev/null || true
    ls -la "$OUT"
    return "$status"
}

keep_publishing() {
    while sleep "$SAVE_SECONDS"; do
        training publish "$1" --work "$WORK" --out "$OUT" || true
        cp "$WORK"/state/*.jsonl "$OUT" 2>/dev/null || true
    done
}

# The same functions as on the GPU, with few frames and steps.
dry_run() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    PACKS=$folder/packs WORK=$folder/work OUT=$folder/back SAVE_SECONDS=${HANDOS_GPU_SAVE_SECONDS:-20} FRAMES=24 SIZE=128
    "$PYTHON" scripts/gpu_pack.py --out "$PACKS" "$@"
    (render 300)
    (TRAIN_OPTIONS="--tiny 10 --trial-seconds 60 --evaluation-seconds 60" train 600 ${CONFIGS:-config/train_gpu_crowd.yaml})
    training join "$OUT" "$folder/joined.safetensors"
    echo "dry run: complete"
}

command=${1:-help}
shift || true
case $command in
    pack) "$PYTHON" scripts/gpu_pack.py "$@" ;;
    render) render "$@" ;;
    train) train "$@" ;;
    join) training join "$@" ;;
    dry-run) dry_run "$@" ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; [[ $command == help ]] ;;
esac
