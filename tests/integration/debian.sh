#!/bin/bash
# A clean Debian 12 in folders, for tests of what is shipped. As root:
#   debian.sh base DIR                        makes it once; 77: it cannot be
#   debian.sh copy DIR ROOT                   another one, to be changed
#   debian.sh enter ROOT COMMAND...           runs a command in it
#   debian.sh image BASE FILE CONTEXT OUT     does what a Containerfile says, in
#                                             OUT/root, and notes the rest of
#                                             it in OUT/{user,words,volume,port,
#                                             signal}
#   debian.sh run OUT VOLUME PORT             starts it as a container would
#                                             be, with PORT for the one it says
set -euo pipefail
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

base() {
    [[ -f $1/ready ]] && return 0
    [[ $EUID -eq 0 ]] && command -v debootstrap unshare >/dev/null || return 77
    rm -rf "$1"
    mkdir -p "$1"
    debootstrap --variant=minbase bookworm "$1/root" "$mirror" >"$1/log" 2>&1 ||
        { tail -n 3 "$1/log"; return 77; }
    # Nothing here outlives a crash: packages need not be synced.
    echo force-unsafe-io >"$1/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    touch "$1/ready"
}

copy() { mkdir -p "$(dirname "$2")" && cp -a --reflink=auto "$1/root" "$2"; }

# enter ROOT [--as UID] [--in FOLDER] [--volume FOLDER AT] COMMAND...
enter() {
    local root=$1 as=0 in=/ volume='' at=''
    shift
    while [[ ${1:-} == --* ]]; do
        case $1 in
        --as) as=$2; shift 2 ;;
        --in) in=$2; shift 2 ;;
        --volume) volume=$2 at=$3; shift 3 ;;
        *) return 2 ;;
        esac
    done
    cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
    # the command is process 1 of its own name space, as in a container
    exec unshare --mount --pid --fork --kill-child bash -ec '
        root=$1 as=$2 in=$3 volume=$4 at=$5; shift 5
        mount --make-rprivate / && mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        [[ -z $volume ]] || mount --bind "$(realpath "$volume")" "$root$at"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot \
            --userspec="$as:$as" "$root" sh -c "cd \"\$0\" && exec \"\$@\"" \
            "$in" "$@"
    ' enter "$root" "$as" "$in" "$volume" "$at" "$@"
}

# The words of a line of JSON strings.
json_words() { grep -o '"[^"]*"' <<<"$1" | sed 's/^"//; s/"$//'; }

image() {
    local base=$1 file=$2 context=$3 out=$4 stage=0 root='' line op rest
    local -A stages=()
    mkdir -p "$out"
    : >"$out/words"
    while IFS= read -r line; do
        [[ -z $line || $line == \#* ]] && continue
        op=${line%% *} rest=${line#* }
        printf '%s\n' "$line" | cut -c1-76
        case $op in
        FROM)
            [[ $rest == docker.io/library/debian:12-slim* ]] || return 1
            stage=$((stage + 1)) root=$out/stage$stage
            [[ $rest == *' AS '* ]] && stages[${rest##* }]=$root
            copy "$base" "$root"
            echo 0 >"$out/user"; echo / >"$out/folder" ;;
        RUN) (enter "$root" sh -ec "$rest") >"$out/log" 2>&1 ||
            { tail -n 20 "$out/log"; return 1; } ;;
        COPY)
            if [[ $rest == --from=* ]]; then
                local from=${rest#--from=} to=${rest##* }
                from=${from#* } from=${from% *}
                cp -a "${stages[${rest:7:$(expr index "${rest:7}" ' ')-1}]}$from/." "$root$to"
            else
                mkdir -p "$root/${rest##* }"
                (cd "$context" && git ls-files -z | tar --null -T - -c) |
                    tar -x --no-same-owner -C "$root/${rest##* }"
            fi ;;
        USER) echo "$rest" >"$out/user" ;;
        WORKDIR) echo "$rest" >"$out/folder" ;;
        VOLUME) echo "$rest" >"$out/volume" ;;
        EXPOSE) echo "$rest" >"$out/port" ;;
        STOPSIGNAL) echo "$rest" >"$out/signal" ;;
        ENTRYPOINT | CMD) json_words "$rest" >>"$out/words" ;;
        *) echo "no such instruction: $op"; return 1 ;;
        esac
    done < <(sed -e ':a' -e '/\\$/{N;s/\\\n//;ta}' "$file")
    mv "$root" "$out/root"
}

run() {
    local out=$1 volume=$2 port=$3 words
    mapfile -t words < <(sed "s/^$(<"$out/port")$/$port/" "$out/words")
    enter "$out/root" --as "$(<"$out/user")" --in "$(<"$out/folder")" \
        --volume "$volume" "$(<"$out/volume")" "${words[@]}"
}

"$@"
