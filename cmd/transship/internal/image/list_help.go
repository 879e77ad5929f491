package image

// ListHelp is what "transship help lists" prints: the one description of lists of images, and of the
// patterns that sync, save, tags and --keep-existing share.
const ListHelp = `Lists of images, for sync -f and save -f, and the patterns that sync, save, tags and --keep-existing share.

A list has SRC [PATTERN...] [DST...] on each line, and comments after #:
  alpine:3.20                                  one image
  quay.io/team/app@sha256:...                  one image, by its digest
  quay.io/team/app                             all tags of a repository
  alpine:3.* !*-rc* !*_*                       the tags that match, without those that match a !PATTERN
  alpine >=3.18 <4 !3.19.1                     the versions of a range
  alpine /^3\.[0-9]+$/ edge*                   a regular expression, or a shell pattern
  postgres:*-alpine >=15 <17                   what matches a pattern and is in a range
  registry.example.com/team/**                 all repositories below team, by the registry's catalog
  registry.example.com/team/*:1.* DST          tags 1.* of the repositories in team, to DST
  oci:DIR, oci-archive:FILE, docker-archive:FILE   all images there; with :IMAGE or @DIGEST one

PATTERN is one of
  1.* v? [ab]*     a shell pattern for the whole tag; \ takes the meaning from the next character
  /^1\.[0-9]+$/    a regular expression (RE2), which may match anywhere in the tag
  >=1.2 <2         a range of versions; all bounds must hold, || stands between two ranges
  !PATTERN         none of these, whatever else matches
The first may follow the repository after a colon. Of several patterns one must match. Before a version there is >=, >,
<=, <, =, ^ (no change in the first number that is not 0) or ~ (none in the first two). A bound compares as many numbers
as it has, so 1.2.5 is =1.2 and <=1.2, and not >1.2. A v before the number does not count. What has more than numbers,
such as 1.6-rc1 or 1.6-alpine, is in no range, unless a pattern selects it or the bound has such an end too: >=1.6-rc1.

HOST/PATTERN means the repositories of a registry that match: * in a component, such as HOST/team/*, and ** as the last
component for everything below. The registry must have a catalog (transship repos HOST). Repositories without a tag that
matches are skipped.

DST is a repository, where images keep their tags; a name with a tag for one image; or oci:DIR. For HOST/PATTERN it is
REGISTRY[/PREFIX], below which repositories keep their names. For save it is the name in the bundle. A word is a PATTERN
and no DST if it begins with !, <, >, =, ^, ~ or |, is written between slashes, or has *, ? or [ but no slash and no
colon. Patterns come before DST.

In JSON a list is an array of strings, each a SRC, and of objects; all members but source may be left out:
    {"source": "alpine", "targets": ["registry.local/alpine"],
     "include": ["3.*", "edge"], "exclude": ["*-rc*"],
     "semver": ">=3.18 <4", "latest": 5, "minimum": 1}
include and exclude have patterns, or tags as they are; exclude ranges too. latest takes only the highest versions of
each repository. If fewer tags match than minimum, the line fails, before latest counts, with exit code 4.

docs/lists.md has examples.
`
