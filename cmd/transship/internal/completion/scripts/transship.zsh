#compdef transship
# Completion of transship in zsh: source it after compinit, or put it as _transship into a folder of $fpath.

_transship() {
	local line word about files=
	local -a described joined
	for line in "${(@f)$("${words[1]}" completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -z $line ]] && continue
		if [[ $line == :files ]]; then
			files=1
			continue
		fi
		word=${line%%$'\t'*}
		about=${line#*$'\t'}
		if [[ $word == *[/:=] ]]; then
			joined+=("$word")
		else
			described+=("${word//:/\\:}:$about")
		fi
	done
	local ret=1
	(( $#described )) && _describe -t candidates transship described && ret=0
	(( $#joined )) && compadd -S '' -- $joined && ret=0
	if [[ $files ]]; then
		if compset -P '--*='; then :; else compset -P '(oci|oci-archive|docker-archive):'; fi
		_files && ret=0
	fi
	return ret
}

if [[ $funcstack[1] == _transship ]]; then
	_transship "$@"
else
	compdef _transship transship
fi
