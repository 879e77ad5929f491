# Completion of transship in fish: put it into ~/.config/fish/completions/transship.fish.

function __transship_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion fish -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            set -l prefix (string match -r '^(?:--[^=]*=|oci:|oci-archive:|docker-archive:)' -- "$current")
            for path in (__fish_complete_path (string replace -- "$prefix" "" "$current"))
                echo "$prefix$path"
            end
        else
            echo $line
        end
    end
end

complete -c transship -f -a '(__transship_complete)'
