# Completion of transship in PowerShell: transship completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName transship -ScriptBlock {
    param($current, $ast, $position)
    $words = @($ast.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
    $program = $ast.CommandElements[0].ToString()
    # An empty argument reaches programs only in quotes in Windows PowerShell.
    $last = if ($current -eq '' -and $PSVersionTable.PSVersion.Major -lt 7) { '""' } else { $current }
    & $program completion powershell -- @words $last 2>$null | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if ($word -eq ':files') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($current)
        } else {
            if (-not $about) { $about = $word }
            [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
        }
    }
}
