# PowerShell completion for osm

Register-ArgumentCompleter -Native -CommandName osm -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or $_.Extent.EndOffset -eq $cursorPosition -and -not $wordToComplete } |
        ForEach-Object { $_.ToString() })
    $arguments = @($words | Select-Object -Skip 1)
    # PowerShell before 7.3 passes no empty arguments, unless they are quoted.
    $current = if ($wordToComplete) { $wordToComplete } elseif ($PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { '' }
    $lines = @(& $words[0] __complete @arguments $current 2>$null)
    $lines | Where-Object { $_ -and $_[0] -ne ':' } | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
