# fish completion for osm

function __osm_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..] "$current" 2>/dev/null)
    set -l last (count $lines)
    if test $last -gt 1
        printf '%s\n' $lines[1..(math $last - 1)]
    else if test "$lines[1]" = :0
        __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
    end
end

complete -c osm -f -a '(__osm_complete)'
