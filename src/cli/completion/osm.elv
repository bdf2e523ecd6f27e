# Elvish completion for osm

use str

set edit:completion:arg-completer[osm] = {|@words|
    var arguments = $words[1..]
    var lines = [(try { e:osm __complete $@arguments 2>/dev/null } catch { nop })]
    each {|line|
        if (not (str:has-prefix $line :)) {
            var value help = (str:split &max=2 "\t" $line"\t")
            edit:complex-candidate $value &display=$value' '(str:trim-space $help)
        }
    } $lines
}
