#!/bin/sh
# One agent, as anybody would write it: claim the best item, do what its title says, complete it, again.
#   agent.sh NAME OUT      OUT is the folder for what it makes; TERM ends it between two items.
set -u
name=$1 out=$2
export COORD_AGENT="$name"

set -- $(coord register "$name") || exit
export COORD_INCARNATION="$3"
trap 'exit 0' TERM

while :; do
    claimed=$(coord claim 2>/dev/null)
    case $? in
    0) ;;
    3) sleep 0.5 && continue ;;     # nothing to claim now
    5 | 6) sleep 0.2 && continue ;; # no server, or no answer: what was claimed comes back when its lease ends
    *) exit 1 ;;
    esac

    # ID  fence N  lease 3s  TASK FILE
    set -- $claimed
    id=$1 task=$6 file=$7 made="$out/$id.$name.$3"
    case $task in
    sha256) sha256sum <"$file" >"$made" ;;
    lines) wc -l <"$file" >"$made" ;;
    words) wc -w <"$file" >"$made" ;;
    gzip) gzip -9nc "$file" >"$made" ;;
    evaluate | checksum | sample) "$PYTHON" -m coord.training_worker.looking "$task" "$file" >"$made" ;;
    compile) "$PYTHON" -m compileall -q -f -b "$file" >/dev/null && mv "${file}c" "$made" ;;
    *) false ;;
    esac || {
        coord fail "$id" --reason "$task $file did not work" >/dev/null
        continue
    }

    set -- $(sha256sum "$made")
    result="{\"made\": \"${made##*/}\", \"sha256\": \"$1\"}"
    until coord complete "$id" --result "$result" >/dev/null 2>&1; do
        [ $? -eq 4 ] && break # the claim is over: somebody else has the item now
        sleep 0.2
    done
done
