package gate

// Help is the page "transship help signatures".
const Help = `the policy of --require-signature

copy, sync, save, pull, load, verify and serve take --require-signature POLICY.json. Before anything of an image is
copied its signatures are found where the image is, on a registry, in a folder or in a tar, and verified without a
call to any other host. An image that is refused fails with exit code 9.

  {"version": 1, "rules": [
    {"images": ["registry.example.com/team/**"], "require": [{"cosign": {"key": "team.pub"}}]},
    {"images": ["ghcr.io/org/*"], "require": [{"sigstore": {"trustedRoot": "trusted_root.json",
      "issuer": "https://token.actions.githubusercontent.com", "identity": "https://github.com/org/*"}}]},
    {"images": ["mcr.microsoft.com/**"], "require": [{"notation": {"certificates": ["ms-root.pem"]}}]},
    {"images": ["docker.io/library/*"], "require": "accept"},
    {"images": ["**"], "require": "refuse"}]}

images are patterns of HOST/REPOSITORY: * stands for any characters but a slash, ** for any. docker.io/library/alpine
is the name of alpine. The first rule that matches an image counts. For an image of a folder or tar its name
there counts; one without a name matches ** alone. require is "refuse", "accept", or a list of which all must be met:

  cosign    what cosign sign makes: the tag sha256-HEX.sig, or a bundle that refers to the image
  sigstore  any Sigstore bundle, version 0.1 to 0.3, that refers to the image; predicateType, if given, must be its own
  notation  a JWS envelope of Notation's that refers to the image and has one of certificates in its chain

subject of notation may be left out. It has attributes that the signer's certificate must have, such as
"C=US, ST=WA, O=example.com".

cosign and sigstore require a signature with key, a file of one or more public keys (PEM), or with a certificate of
identity (* stands for any characters) from issuer, whose authority and log are in trustedRoot. With key and
trustedRoot a log must have the signature too. Files are named relative to the folder of the policy. A list of several
platforms must be signed itself; what it lists need not be. What refers to images is not checked, but copied along.

The table of verify names who signed, when, and after "not checked:" what cosign or notation would check besides.`
