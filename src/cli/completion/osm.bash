# bash completion for osm

_osm() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word i
    # bash splits words at = and : as well. Only blanks separate the words of osm.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            [[ $i -lt $COMP_CWORD ]] || word=$line
            words+=("$word")
        else
            [[ $i -lt $COMP_CWORD ]] || word=$line
            words[${#words[@]}-1]+=$word
        fi
        line=${line#"$word"}
    done

    COMPREPLY=()
    local out
    out=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return 0
    local flags=${out##*:}
    # bash replaces what stands behind the last = or :.
    local current=${words[${#words[@]}-1]} before=
    [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && before=${current%"${current##*=}"}
    [[ $COMP_WORDBREAKS == *:* && ${current#"$before"} == *:* ]] && before=${current%"${current##*:}"}
    while IFS=$'\t' read -r word _; do
        [[ -z $word || $word == :* ]] || COMPREPLY+=("${word#"$before"}")
    done <<<"$out"

    # bash 3.2 has no compopt: there, files are offered too often.
    if type -t compopt >/dev/null; then
        ((flags & 2)) && compopt -o nospace 2>/dev/null
        ((flags & 4)) && compopt +o default 2>/dev/null
    fi
    return 0
}

complete -o default -F _osm osm
