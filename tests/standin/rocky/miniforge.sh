#!/bin/sh
# Stands in for Miniforge's installer: "conda create" makes a virtual environment of Debian's Python, whatever version
# it is asked for.
set -eu

[ "$*" = "-b -p /opt/conda" ] || {
  echo "stand-in for Miniforge: unexpected: $*" >&2
  exit 2
}
mkdir -p /opt/conda/bin
cat >/opt/conda/bin/conda <<'CONDA'
#!/bin/sh
set -eu
case "$*" in
  "create -y -q --copy -p /opt/nuwa/venv --override-channels -c conda-forge python="[23].*" pip") ;;
  *) echo "stand-in for conda: unexpected: $*" >&2; exit 2 ;;
esac
echo "stand-in for conda: an environment of Debian's Python"
/usr/bin/python3.13 -m venv --copies /opt/nuwa/venv
CONDA
chmod 755 /opt/conda/bin/conda
