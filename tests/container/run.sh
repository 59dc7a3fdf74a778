#!/usr/bin/env bash
# Build the image without Docker and run both levels in it as on a cluster: a read-only root file
# system, a user whom the image does not know, and no network. Then again in Charliecloud, which
# an unprivileged user starts, as on a cluster that has Apptainer.
#
#   tests/container/run.sh [PATH ...]
#
# Run by hand, as root, on Debian with debootstrap, buildah, bubblewrap and charliecloud; it takes
# some 15 GB in TMPDIR (or /var/tmp) and a quarter of an hour. The build uses the pip configuration of this machine; the
# PATHs, such as folders of wheels that it names, are mounted read-only while the image is built.
set -euo pipefail
cd "$(dirname "$0")/../.."

USER_ID=12345
UID_INSIDE=$((RANDOM + 20000))
MOST_MB=3000
PARTICIPANTS=(01 02)

scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/deepmir-container.XXXXXX")
export BUILDAH_ISOLATION=chroot TMPDIR=$scratch
trap 'buildah rm --all >/dev/null; rm -rf "$scratch"' EXIT

buildah() {
    command buildah --storage-driver "${STORAGE_DRIVER:-vfs}" --root "$scratch/store" \
        --runroot "$scratch/run" "$@"
}

# What Docker would pull: Debian with nothing but what it needs to install more.
make_base() {
    local container
    debootstrap --variant=minbase bookworm "$scratch/base" >"$scratch/debootstrap.log"
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$scratch/base" / >/dev/null
    buildah commit --quiet --rm "$container" bookworm >/dev/null
    rm -rf "$scratch/base"
}

# pip's files and variables (which come first) as one file; its certificates lie elsewhere inside.
pip_configuration() {
    echo '[global]'
    python3 -m pip config list | sed -nE "s/^[^=]*\.([a-z-]+)='(.*)'$/\1 = \2/p" |
        awk '!seen[$1]++' | sed 's#^cert = .*#cert = /run/pip.crt#'
}

build_image() {
    local path volumes=() certificates
    for path in "$@"; do volumes+=(--volume "$path:$path:ro"); done
    certificates=${PIP_CERT:-$(python3 -m pip config get global.cert 2>/dev/null || true)}
    if [ -n "$certificates" ]; then volumes+=(--volume "$certificates:/run/pip.crt:ro"); fi
    pip_configuration >"$scratch/pip.conf"
    buildah bud --format docker --build-arg BASE=localhost/bookworm \
        --build-arg VERSION="$(sed -n 's/^version = //p' setup.cfg)" \
        --build-arg REVISION="$(git rev-parse HEAD)" \
        --secret "id=pip,src=$scratch/pip.conf" "${volumes[@]}" --tag deepmir . \
        >"$scratch/build.log" 2>&1 || { tail -n 30 "$scratch/build.log"; return 1; }
    grep 'Template files:' "$scratch/build.log" | tail -n 1
}

# Run a command in the image; of this machine it sees only $scratch/data, as /mnt.
inside() {
    local line settings=()
    while IFS= read -r line; do
        settings+=(--setenv "${line%%=*}" "${line#*=}")
    done <"$scratch/environment"
    bwrap --ro-bind "$root" / --bind "$scratch/data" /mnt --proc /proc --dev /dev \
        --perms 1777 --tmpfs /dev/shm --perms 1777 --tmpfs /tmp \
        --unshare-net --unshare-pid --unshare-ipc --die-with-parent \
        --clearenv "${settings[@]}" --chdir /tmp \
        setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --no-new-privs \
        --inh-caps=-all --bounding-set=-all "$@"
}

# The same in Charliecloud. A user whom nobody knows starts it, and is yet another one in there.
in_charliecloud() {
    setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --no-new-privs --inh-caps=-all \
        --bounding-set=-all env --chdir=/ USER=nobody \
        ch-run --unset-env='*' --set-env="$scratch/environment" --no-passwd --private-tmp \
        --uid=$UID_INSIDE --gid=$UID_INSIDE --bind="$scratch/data:/mnt" --cd=/tmp "$root" -- "$@"
}

# It is as bad as a cluster in there: nothing but /tmp and /mnt can be written, nobody is known,
# and nothing comes in by the environment.
check_surroundings() {
    LEAK=1 "$1" sh -c '! touch /opt/x 2>/dev/null && ! id -un >/dev/null 2>&1 && test -z "$LEAK" &&
        touch /tmp/x /mnt/x'
}

check_no_network() {
    inside python -c 'import socket
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    assert error.errno == 101, error  # the network is unreachable
else:
    raise SystemExit("there is a network")'
}

check_outputs() {
    local label name
    for label in "${PARTICIPANTS[@]}"; do
        for name in desc-brain_mask.nii.gz label-CMB_desc-deepmir_mask.nii.gz \
            label-iron_desc-deepmir_mask.nii.gz seg-deepmir_dseg.nii.gz \
            seg-deepmir_desc-lesions_dseg.nii.gz seg-deepmir_desc-lesions_dseg.tsv; do
            test -s "$1/sub-$label/anat/sub-${label}_space-SWI_$name"
        done
        test -s "$1/sub-$label.html"
    done
    for name in dataset_description.json participants.tsv group_lesions.tsv group_summary.tsv \
        group_qc.tsv group.html; do
        test -s "$1/$name"
    done
}

begin=$SECONDS
make_base
echo "base made in $((SECONDS - begin)) s"
begin=$SECONDS
build_image "$@"
build_s=$((SECONDS - begin))
root=$scratch/root
cp -a "$(buildah mount "$(buildah from deepmir)")" "$root"
buildah inspect --type image --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' deepmir |
    sed '/^$/d' >"$scratch/environment"
size_mb=$(du -sm --apparent-size "$root" | cut -f1)
echo "image built in $build_s s: $size_mb MB"
test "$size_mb" -le $MOST_MB

chmod 711 "$scratch"
mkdir "$scratch/data"
chown $USER_ID:$USER_ID "$scratch/data"
check_surroundings inside
check_no_network
inside deepmir --version
inside deepmir-simulate /mnt/bids --participants ${#PARTICIPANTS[@]} --seed 7
begin=$SECONDS
inside deepmir /mnt/bids /mnt/out participant --sloppy --work-dir /mnt/work
inside deepmir /mnt/bids /mnt/out group
check_outputs "$scratch/data/out"
echo "$(date +%Y-%m-%d): an image of $size_mb MB, built in $build_s s; both levels on" \
    "${#PARTICIPANTS[@]} simulated participants in $((SECONDS - begin)) s. All files are there."

begin=$SECONDS
check_surroundings in_charliecloud
PARTICIPANTS=(01)
in_charliecloud deepmir /mnt/bids /mnt/out-ch participant --participant-label 01 --sloppy \
    --work-dir /mnt/work-ch
in_charliecloud deepmir /mnt/bids /mnt/out-ch group
check_outputs "$scratch/data/out-ch"
results=sub-01/anat/sub-01_space-SWI_seg-deepmir_desc-lesions_dseg
for ending in nii.gz tsv; do
    cmp "$scratch/data/out/$results.$ending" "$scratch/data/out-ch/$results.$ending"
done
echo "$(date +%Y-%m-%d): Charliecloud $(USER=nobody ch-run --version 2>&1): both levels on one participant, started by user" \
    "$USER_ID, as user $UID_INSIDE, in $((SECONDS - begin)) s. The same lesions, voxel for voxel."
