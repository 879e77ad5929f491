// Package tagselect selects tags of a repository by words: shell patterns, regular expressions and
// ranges of versions, each of them also after !. It is the one reader of the grammar that transship
// help lists describes, for lists of images and for flags alike.
package tagselect
