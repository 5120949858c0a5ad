#!/usr/bin/env bash
# certificates.sh DIR: two certificate authorities and what a broker and its clients need, made anew for each run, so
# that no key is ever committed. Validity of a day; P-256, as that is quick.
#   ca.pem other-ca.pem       the authority that the broker and its clients trust, and one that nobody knows
#   broker.pem                key and certificate of the broker, for 127.0.0.1
#   misnamed.pem              the same for another host
#   client.pem client.key     of a client; the key is encrypted with the password in client.password
#   stranger.pem stranger.key of a client that the other authority vouches for
set -euo pipefail
cd "$1"

authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
		-keyout "$1.key" -out "$1.pem"
}

# certificate NAME AUTHORITY ALTNAME
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 1 \
		-extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") -out "$1.crt"
}

authority ca
authority other-ca
certificate broker ca IP:127.0.0.1
certificate misnamed ca DNS:elsewhere.example
certificate client ca DNS:client.example
certificate stranger other-ca DNS:stranger.example
for name in broker misnamed; do
	cat "$name.key" "$name.crt" >"$name.pem"
done
mv client.crt client.pem
mv stranger.crt stranger.pem
openssl rand -hex 16 >client.password
openssl pkcs8 -topk8 -in client.key -v2 aes-256-cbc -passout file:client.password -out client.encrypted
mv client.encrypted client.key
