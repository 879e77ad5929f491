package main

import "github.com/hczjl/transship/cmd/transship/internal/cli"

// expectPage returns what "transship help expect" prints.
func expectPage(s *cli.Streams) string { return cli.Reflow(expectHelp, s.Width()) }

const expectHelp = `--expect FILE holds a run to a list of calls. A call that the list does not have is not sent, and a call of the list
that was not made fails the run at its end; the exit code is 9 for both. Token calls and redirects count too. A call
that is repeated because a registry was busy or did not answer needs no line of its own.

Make the list with the same command line, against registries in the same state:
    transship copy --plan=expect SRC DST > calls.txt
    transship copy --expect calls.txt SRC DST
What the plan assumes is in comments. It has * where a registry chooses the address of an upload, and --- before
the tag, which is written last. If a run of several images makes another call than its list, give --jobs 1 to both. Tighten the
list by hand, or make it more general with wildcards.

A line is
  METHOD [HOST]PATH[?QUERY] [xN|*]

  METHOD  GET, HEAD, POST, PUT, PATCH or DELETE
  HOST    registry.example.com, localhost:5000, or *.example.com for all names below; without it any host
  PATH    with wildcards; a * alone is any path
  QUERY   parameters that the call must have, with wildcards in their values, written without %-escapes; it may have more
  xN, *   the call is made N times, or any number of times, also never; without it once

Wildcards
  {name}     a repository, such as team/app
  {digest}   such as sha256:...
  {tag}      a tag
  {session}  what a registry puts at the end of an upload's address
  *          anything, also nothing and slashes

Calls may come in any order within a level. An empty line or --- ends a level: the calls below it come after all
above it. A call belongs to the line that says most about it. # begins a comment; a line of comments ends no level.

Example, a copy of an image for one platform, with one layer and a config:
    GET  registry.example.com/v2/team/app/manifests/1.6
    HEAD mirror.example.com/v2/team/app/manifests/1.6

    POST mirror.example.com/v2/team/app/blobs/uploads/?mount={digest}&from={name} x2
    GET  registry.example.com/v2/team/app/blobs/{digest} x2
    PUT  mirror.example.com/v2/team/app/blobs/uploads/{session}?digest={digest} x2
    ---
    PUT  mirror.example.com/v2/team/app/manifests/1.6   # the tag comes last

A file that is not such a list is exit code 2, with the number of the line: one that has no call, or another method, no
path, an unknown wildcard, or a count that is not xN or *.
`
