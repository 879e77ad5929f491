package serve

// pageHTML is the template of a pageContent for browsers. It needs no script and loads nothing.
const pageHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Images at {{.Host}}</title>
<style>
:root { --back: #fff; --text: #1c2126; --quiet: #5b6570; --line: #dde1e6; --code: #f4f6f8; --link: #0b57b0 }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181c; --text: #e4e7ea; --quiet: #9aa5b1; --line: #30363d; --code: #20252b; --link: #7db4ff }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 3rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; overflow-wrap: anywhere }
p { margin: .25rem 0; color: var(--quiet) }
a { color: var(--link) }
code, pre { font: .875rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
form { display: flex; gap: .5rem; margin: 1rem 0; max-width: 32rem }
input { flex: 1; min-width: 0 }
input, button { padding: .4rem .6rem; border: 1px solid var(--line); border-radius: .3rem; background: var(--code);
  color: inherit; font: inherit }
ul { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--line) }
li { padding: .75rem 0; border-bottom: 1px solid var(--line) }
.facts { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 4fr) 5rem 12rem; gap: 0 1.5rem }
.name { font-weight: 600; overflow-wrap: anywhere }
.facts span, .facts time { color: var(--quiet); overflow-wrap: anywhere }
details { margin-top: .25rem }
summary { color: var(--link); cursor: pointer; width: fit-content }
pre { margin: .5rem 0 0; padding: .6rem .75rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--code); border-radius: .3rem }
@media (max-width: 45rem) { .facts { grid-template-columns: minmax(0, 1fr) } }
</style>
</head>
<body>
<h1>Images at {{.Host}}</h1>
{{if .Login}}<p>Log in first: <code>docker login {{.Host}}</code></p>
{{end}}{{if .Plain}}<p>This registry speaks plain HTTP. On other machines docker needs
<code>"insecure-registries": ["{{.Host}}"]</code> in /etc/docker/daemon.json.</p>
{{end}}<form><input type="search" name="q" value="{{.Query}}" aria-label="Part of a name" placeholder="Part of a name">
<button>Find</button></form>
{{if .Images}}<ul>
{{range .Images}}<li>
<div class="facts"><code class="name"{{if .Digest}} title="{{.Digest}}"{{end}}>{{.Name}}</code>
<span>{{.PlatformText}}</span><span>{{.Size}}</span>
{{if .ArrivedText}}<time datetime="{{.ArrivedMachine}}">{{.ArrivedText}}</time>{{end}}</div>
<details><summary>Pull</summary><pre>{{range .Pull}}{{.}}
{{end}}</pre></details>
</li>
{{end}}</ul>
{{else}}<p>{{if .Query}}No image has that in its name.{{else}}No images.{{end}}</p>
{{end}}{{if .Next}}<p><a href="{{.Next}}" rel="next">More images</a></p>
{{end}}</body>
</html>
`
