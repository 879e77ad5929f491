package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// syntaxProblem says what is wrong with a text that is no JSON, and where. Both are "" if err is another error.
func syntaxProblem(text string, err error) (at, wrong string) {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return "", ""
	}
	// The offset is behind the character that does not belong there.
	before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
	found, size := utf8.DecodeRuneInString(text[len(before):])
	lastLine := before[strings.LastIndexByte(before, '\n')+1:]
	at = fmt.Sprintf("line %d, column %d", 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(lastLine))
	const wanted = `a policy is JSON: {"version": 1, "rules": [...]}`
	switch {
	case strings.TrimSpace(text) == "":
		return at, "the file is empty; " + wanted
	case len(before)+size == len(text) && strings.Contains(syntax.Error(), "unexpected end"):
		return at, "the file ends too early; " + wanted
	case strings.HasSuffix(strings.TrimSpace(before), ",") && (found == '}' || found == ']'):
		return at, fmt.Sprintf("the comma before %q is one too many", found)
	}
	return at, fmt.Sprintf("%q does not belong here; %s", found, wanted)
}

// typeProblem returns the text of an error, that of a value of another kind in words of JSON.
func typeProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return text
	}
	kinds := map[reflect.Kind]string{
		reflect.Slice: "an array", reflect.Struct: "an object", reflect.String: "a string", reflect.Int: "a whole number",
	}
	say := fmt.Sprintf("%s was found, and %s is wanted", wrong.Value, kinds[wrong.Type.Kind()])
	if wrong.Field != "" {
		say = wrong.Field + ": " + say
	}
	return strings.Replace(err.Error(), wrong.Error(), say, 1)
}
