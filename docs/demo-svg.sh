#!/bin/sh
# Draws what `phasegate demo` printed as a picture: one file, no font, script
# or address of anybody else. From the root of the repository:
#   build/phasegate demo | docs/demo-svg.sh > docs/demo.svg
exec awk '
function escaped(s) {
    gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s)
    return s
}
function colour(who) {
    if (who == "refused") return "#ff7b72"
    if (who == "passed" || who == "state.db") return "#7ee787"
    if (who == "sub-agent") return "#d2a8ff"
    return "#79c0ff"
}
{
    line[++n] = length($0) > 112 ? substr($0, 1, 109) "..." : $0
}
END {
    while (n > 0 && line[n] == "") n--
    first = 1
    while (first < n && line[first] == "") first++
    height = (n - first + 1) * 18 + 64
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" "
    printf "height=\"%d\" viewBox=\"0 0 960 %d\" role=\"img\" ", height, height
    printf "aria-label=\"A terminal that shows phasegate demo\">\n"
    printf "<rect width=\"960\" height=\"%d\" rx=\"8\" fill=\"#0d1117\"/>\n", height
    printf "<g font-family=\"ui-monospace,Menlo,Consolas,monospace\" "
    printf "font-size=\"13\" fill=\"#c9d1d9\" xml:space=\"preserve\">\n"
    printf "<text x=\"20\" y=\"30\" fill=\"#8b949e\">$ phasegate demo</text>\n"
    for (i = first; i <= n; i++) {
        text = line[i]
        y = 30 + (i - first + 2) * 18
        if (text == "") continue
        if (match(text, /^  [a-z.-]+  */) && RLENGTH == 12) {
            split(substr(text, 3), word, " ")
            printf "<text x=\"36\" y=\"%d\" font-weight=\"bold\" fill=\"%s\">%s</text>\n",
                y, colour(word[1]), escaped(word[1])
            printf "<text x=\"128\" y=\"%d\">%s</text>\n", y, escaped(substr(text, 13))
        } else if (match(text, /^            /)) {
            printf "<text x=\"128\" y=\"%d\" fill=\"#8b949e\">%s</text>\n", y,
                escaped(substr(text, 13))
        } else {
            sub(/^ +/, "", text)
            printf "<text x=\"20\" y=\"%d\">%s</text>\n", y, escaped(text)
        }
    }
    print "</g>\n</svg>"
}'
