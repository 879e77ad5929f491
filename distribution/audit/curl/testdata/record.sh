#!/bin/sh
# The calls of: transship copy --chunk-size 1MiB --audit run.jsonl alpine:3.20 registry.example.com/mirror/alpine:3.20
# recorded 2026-01-02 03:04:05 UTC
#
# Run this in an empty folder. Blobs and manifests are written to blobs/ALGORITHM/HEX, and sent from there.
# To call other hosts, set the variables below: HOST_...=https://registry.example.com sh FILE
# CURL_CA_BUNDLE names a file with the certificates of CAs.
set -eu

HOST_REGISTRY_1_DOCKER_IO=${HOST_REGISTRY_1_DOCKER_IO:-'https://registry-1.docker.io'}
HOST_AUTH_DOCKER_IO=${HOST_AUTH_DOCKER_IO:-'https://auth.docker.io'}
HOST_REGISTRY_EXAMPLE_COM=${HOST_REGISTRY_EXAMPLE_COM:-'https://registry.example.com'}

# The record does not have these values. Set them in the environment, or here:
# TOKEN_REGISTRY_EXAMPLE_COM=    a token for registry.example.com
: "${TOKEN_REGISTRY_EXAMPLE_COM:?must be set, see the top of this script}"

# location URL: the Location in the headers of the last answer, which came from that URL's host.
location() {
	to=$(tr -d '\r' <headers | sed -n 's/^[Ll]ocation:[[:space:]]*//p' | tail -n 1)
	root=$(printf '%s\n' "$1" | sed 's,^\([a-z]*://[^/?#]*\).*,\1,')
	case $to in
	http://* | https://*) printf '%s\n' "$to" ;;
	//*) printf '%s\n' "${root%%//*}$to" ;;
	/*) printf '%s\n' "$root$to" ;;
	*)
		echo "there is no Location in the answer from $root" >&2
		return 1
		;;
	esac
}

# with URL QUERY: the URL with QUERY added to its query.
with() {
	case $1 in
	*\?*) printf '%s&%s\n' "$1" "$2" ;;
	*) printf '%s?%s\n' "$1" "$2" ;;
	esac
}

# whole ALGORITHM HEX: fails if the file has another digest.
whole() {
	echo "$2  blobs/$1/$2" | "$1sum" -c - >/dev/null && return
	echo "blobs/$1/$2 is not what was recorded" >&2
	return 1
}

# token: the token in the answer of a token server.
token() {
	token=$(tr ',{}' '\n\n\n' | sed -n 's/^[[:space:]]*"\(access_\)\{0,1\}token"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\2/p' | head -n 1)
	test -n "$token" || { echo "there is no token in the answer" >&2; return 1; }
	printf '%s\n' "$token" | sed 's,\\/,/,g'
}

mkdir -p blobs/sha256

# 1: pull manifest (end-3): 401 in 109ms
curl -sSg \
  -H 'Accept-Encoding: identity' \
  -o /dev/null \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/manifests/3.20'

# 2: get token: 200 in 129ms
TOKEN_REGISTRY_1_DOCKER_IO_2=$(curl -sSfg \
  -H 'Accept-Encoding: identity' \
  "$HOST_AUTH_DOCKER_IO"'/token?client_id=transship&scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io' | token)

# 3: pull manifest (end-3): 200 in 29ms
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_1_DOCKER_IO_2" \
  -o blobs/sha256/0101010101010101010101010101010101010101010101010101010101010101 \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/manifests/3.20'
whole sha256 0101010101010101010101010101010101010101010101010101010101010101

# 4: pull manifest (end-3): 404 in 38ms
curl -sSg \
  --head \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/manifests/3.20'

# 5: pull manifest (end-3): 200 in 27ms
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_1_DOCKER_IO_2" \
  -o blobs/sha256/0202020202020202020202020202020202020202020202020202020202020202 \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/manifests/sha256:0202020202020202020202020202020202020202020202020202020202020202'
whole sha256 0202020202020202020202020202020202020202020202020202020202020202

# 6: pull manifest (end-3): 200 in 56ms
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_1_DOCKER_IO_2" \
  -o blobs/sha256/0303030303030303030303030303030303030303030303030303030303030303 \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/manifests/sha256:0303030303030303030303030303030303030303030303030303030303030303'
whole sha256 0303030303030303030303030303030303030303030303030303030303030303

# 7: mount blob (end-11): 503 in 18ms
curl -sSg \
  -X POST \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Length: 0' \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/blobs/uploads/?from=mirror%2Falpine&mount=sha256:0404040404040404040404040404040404040404040404040404040404040404'

# 8: mount blob (end-11): 201 in 12ms
curl -sSfg \
  -X POST \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Length: 0' \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/blobs/uploads/?from=mirror%2Falpine&mount=sha256:0505050505050505050505050505050505050505050505050505050505050505'

# 9: mount blob (end-11): 202 in 14ms
curl -sSfg \
  -X POST \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Length: 0' \
  -D headers \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/blobs/uploads/?from=mirror%2Falpine&mount=sha256:0404040404040404040404040404040404040404040404040404040404040404'
LOCATION_9=$(location "$HOST_REGISTRY_EXAMPLE_COM")

# 11: pull blob (end-2): 307 in 33ms
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_1_DOCKER_IO_2" \
  -D headers \
  -o /dev/null \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/blobs/sha256:0404040404040404040404040404040404040404040404040404040404040404'
LOCATION_11=$(location "$HOST_REGISTRY_1_DOCKER_IO")

# 12: follow redirect: 200 in 1.86s
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -o blobs/sha256/0404040404040404040404040404040404040404040404040404040404040404 \
  "$LOCATION_11"
whole sha256 0404040404040404040404040404040404040404040404040404040404040404

# 10: push blob (end-6): 201 in 2s
curl -sSfg \
  -X PUT \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Type: application/octet-stream' \
  -T blobs/sha256/0404040404040404040404040404040404040404040404040404040404040404 \
  -o /dev/null \
  "$(with "$LOCATION_9" 'digest=sha256:0404040404040404040404040404040404040404040404040404040404040404')"

# 13: mount blob (end-11): 202 in 13ms
curl -sSfg \
  -X POST \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Length: 0' \
  -D headers \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/blobs/uploads/?from=mirror%2Falpine&mount=sha256:0606060606060606060606060606060606060606060606060606060606060606'
LOCATION_13=$(location "$HOST_REGISTRY_EXAMPLE_COM")

# 15: pull blob (end-2): 200 in 1.49s
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_1_DOCKER_IO_2" \
  -o blobs/sha256/0606060606060606060606060606060606060606060606060606060606060606 \
  "$HOST_REGISTRY_1_DOCKER_IO"'/v2/library/alpine/blobs/sha256:0606060606060606060606060606060606060606060606060606060606060606'
whole sha256 0606060606060606060606060606060606060606060606060606060606060606

# 14: push chunk (end-5): 202 in 740ms
tail -c +1 blobs/sha256/0606060606060606060606060606060606060606060606060606060606060606 | head -c 1048576 | curl -sSfg \
  -X PATCH \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Range: 0-1048575' \
  -H 'Content-Type: application/octet-stream' \
  --data-binary @- \
  -D headers \
  -o /dev/null \
  "$LOCATION_13"
LOCATION_14=$(location "$LOCATION_13")

# 16: push chunk (end-5) is left out: it got no answer, and the record does not say how much of it arrived

# 17: upload status (end-13): 204 in 34ms
curl -sSfg \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -D headers \
  -o /dev/null \
  "$LOCATION_14"
LOCATION_17=$(location "$LOCATION_14")

# 18: push chunk (end-5): 202 in 320ms
tail -c +1048577 blobs/sha256/0606060606060606060606060606060606060606060606060606060606060606 | head -c 500000 | curl -sSfg \
  -X PATCH \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Range: 1048576-1548575' \
  -H 'Content-Type: application/octet-stream' \
  --data-binary @- \
  -D headers \
  -o /dev/null \
  "$LOCATION_17"
LOCATION_18=$(location "$LOCATION_17")

# 19: push blob (end-6): 201 in 30ms
curl -sSfg \
  -X PUT \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Length: 0' \
  -o /dev/null \
  "$(with "$LOCATION_18" 'digest=sha256:0606060606060606060606060606060606060606060606060606060606060606')"

# 20: push manifest (end-7a): 201 in 25ms
curl -sSfg \
  -X PUT \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
  -T blobs/sha256/0202020202020202020202020202020202020202020202020202020202020202 \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/manifests/sha256:0202020202020202020202020202020202020202020202020202020202020202'

# 21: push manifest (end-7a): 201 in 26ms
curl -sSfg \
  -X PUT \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
  -T blobs/sha256/0303030303030303030303030303030303030303030303030303030303030303 \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/manifests/sha256:0303030303030303030303030303030303030303030303030303030303030303'

# 22: push manifest (end-7a): 201 in 31ms
curl -sSfg \
  -X PUT \
  -H 'Accept-Encoding: identity' \
  -H "Authorization: Bearer $TOKEN_REGISTRY_EXAMPLE_COM" \
  -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
  -T blobs/sha256/0101010101010101010101010101010101010101010101010101010101010101 \
  -o /dev/null \
  "$HOST_REGISTRY_EXAMPLE_COM"'/v2/mirror/alpine/manifests/3.20'

# 23: push manifest (end-7a) was refused by --max-calls and not sent

rm -f headers
