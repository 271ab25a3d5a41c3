#!/usr/bin/env bash
# Makes the secrets of a build cache, once: the pair of keys that signs and checks tokens, and the
# password of its Redis.
#
#   build_support/cache/make_keys.sh DIRECTORY
#
# Remove token.key and token.pub and start the cache again to revoke all tokens.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -eq 1 ]] || usage
python=$(dirname "$(build_support/locks/run_tool.sh --path buildgrid)")/python
umask 077
mkdir -p "$1"
[[ -e $1/redis.password ]] ||
  python3 -c 'import secrets; print(secrets.token_hex(32))' >"$1/redis.password"
[[ ! -e $1/token.key ]] || exit 0
"$python" - "$1" <<'PYTHON'
import pathlib, sys
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

directory = pathlib.Path(sys.argv[1])
key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
(directory / "token.pub").write_bytes(
    key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
)
(directory / "token.key").write_bytes(
    key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
)
PYTHON
