# Completion of transship in bash: source it, or put it into a folder of bash-completion.

_transship() {
	local line=${COMP_LINE:0:COMP_POINT} words cur prefix= candidate files=
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	cur=${words[-1]}
	# bash replaces only what follows the last : or = of a word.
	if [[ $cur == *[:=]* ]]; then
		prefix=${cur%"${cur##*[:=]}"}
	fi
	COMPREPLY=()
	while IFS= read -r candidate; do
		if [[ $candidate == :files ]]; then
			files=1
			continue
		fi
		candidate=${candidate%%$'\t'*}
		COMPREPLY+=("${candidate#"$prefix"}")
	done < <("${words[0]}" completion bash -- "${words[@]:1}" 2>/dev/null)
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:=] ]]; then
		compopt -o nospace
	fi
	if [[ $files ]]; then
		compopt -o filenames
		while IFS= read -r candidate; do
			COMPREPLY+=("$candidate")
		done < <(compgen -f -- "${cur#"$prefix"}")
	fi
}

complete -F _transship transship
