"""The verb completion: the script that a shell reads; completing.py answers what it asks."""

from typing import Final

from coord.events.errors import UsageError, visible
from coord.services.cli.call import Call

SCRIPTS: Final = {
    "bash": r"""# completes command lines of coord in bash; made by: coord completion bash

_coord() {
    local answer kind IFS=$'\n'
    answer=$(_COORD_COMPLETE=bash COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT \
        COMP_WORDBREAKS=$COMP_WORDBREAKS "$1" 2>/dev/null) || return 0
    kind=${answer%%$'\n'*}
    COMPREPLY=()
    case $kind in
        files) compopt -o default 2>/dev/null ;;
        folders) compopt -o dirnames 2>/dev/null ;;
        *) [[ $answer == *$'\n'* ]] && COMPREPLY=(${answer#*$'\n'}) ;;
    esac
    return 0
}

complete -o nosort -F _coord coord 2>/dev/null || complete -F _coord coord
""",
    "zsh": r"""#compdef coord
# completes command lines of coord in zsh; made by: coord completion zsh

_coord() {
    local -a told
    told=("${(@f)$(_COORD_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    case ${told[1]} in
        files) _files ;;
        folders) _files -/ ;;
        *) (( $#told > 1 )) && { told=("${(@)told[2,-1]}"); _describe -V coord told } ;;
    esac
}

if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _coord "$@"
else
    compdef _coord coord
fi
""",
    "fish": r"""# completes command lines of coord in fish; made by: coord completion fish

function __coord_complete
    set -l words (commandline -opc)
    set -l told (env _COORD_COMPLETE=fish $words (commandline -ct) 2>/dev/null)
    switch "$told[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case '*'
            test (count $told) -gt 1; and printf '%s\n' $told[2..-1]
    end
end

complete -c coord -f -k -a '(__coord_complete)'
""",
}
"""The script of each shell: it asks coord itself, so it need not be made anew when coord learns a verb."""


def completion(call: Call) -> None:
    """Print the script of a shell."""
    shell = call.text("shell") or ""
    if shell not in SCRIPTS:
        raise UsageError(f"the shell is '{visible(shell, 64)}'; it must be one of {', '.join(SCRIPTS)}.")
    call.show({"shell": shell, "script": SCRIPTS[shell]}, SCRIPTS[shell].splitlines())
