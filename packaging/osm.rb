# Installs osm with Homebrew. A formula, and no cask: macOS does not quarantine what a formula downloads.
class Osm < Formula
  desc "Installs Open Service Mesh with every image pinned by digest"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/@RELEASE@/osm-@RELEASE@-darwin-arm64.tar.gz"
      sha256 "@SHA256:darwin-arm64.tar.gz@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/@RELEASE@/osm-@RELEASE@-darwin-amd64.tar.gz"
      sha256 "@SHA256:darwin-amd64.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/@RELEASE@/osm-@RELEASE@-linux-arm64.tar.gz"
      sha256 "@SHA256:linux-arm64.tar.gz@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/@RELEASE@/osm-@RELEASE@-linux-amd64.tar.gz"
      sha256 "@SHA256:linux-amd64.tar.gz@"
    end
  end

  def install
    bin.install "osm"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/osm.bash" => "osm"
    zsh_completion.install "completions/_osm"
    fish_completion.install "completions/osm.fish"
  end

  test do
    assert_match "@RELEASE@", shell_output("#{bin}/osm version --client-only")
  end
end
