# Installs osm @RELEASE@ for this user on Windows: downloads the archive, and checks it against the checksum below.
#
#   OSM_INSTALL_DIR   folder to install to (default: %LOCALAPPDATA%\Programs\osm)
#   OSM_INSTALL_URL   address of the folder with the archives, such as a mirror
#
# It changes nothing else, and no profile.

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2

function Install-Osm {
    $release = '@RELEASE@'
    $platform = 'windows-amd64'
    $wanted = '@SHA256:windows-amd64.zip@'
    $url = if ($env:OSM_INSTALL_URL) { $env:OSM_INSTALL_URL } else { '@REPOSITORY@/releases/download/@RELEASE@' }
    $folder = if ($env:OSM_INSTALL_DIR) { $env:OSM_INSTALL_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\osm' }
    $archive = "osm-$release-$platform.zip"

    # Before anything is downloaded.
    if (-not (Get-Command Get-FileHash -ErrorAction SilentlyContinue)) {
        throw 'The archive cannot be checked: Get-FileHash is missing. Install PowerShell 5.1 or later.'
    }

    $scratch = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    New-Item -ItemType Directory -Path $scratch | Out-Null
    try {
        $file = Join-Path $scratch $archive
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        Invoke-WebRequest -UseBasicParsing -Uri "$url/$archive" -OutFile $file
        $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $file).Hash
        if ($found -ne $wanted) {
            throw "$url/$archive is not the archive of ${release}: its SHA-256 is $found, not $wanted. Nothing was installed."
        }
        Expand-Archive -LiteralPath $file -DestinationPath $scratch
        New-Item -ItemType Directory -Path $folder -Force | Out-Null
        Copy-Item -LiteralPath (Join-Path $scratch "$platform\osm.exe") -Destination (Join-Path $folder 'osm.exe') -Force
    } finally {
        Remove-Item -LiteralPath $scratch -Recurse -Force
    }
    Write-Output "osm $release is installed: $(Join-Path $folder 'osm.exe')"
    if (($env:PATH -split ';') -notcontains $folder) {
        Write-Warning "$folder is not in PATH"
    }
}

# The last line, so that a part of this script does nothing.
Install-Osm
