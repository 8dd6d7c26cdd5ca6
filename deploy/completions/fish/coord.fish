# completes command lines of coord in fish; made by: coord completion fish

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
