# A server of the Model Context Protocol whose tools change and take their time. Its argument is a folder: `heard` gets
# each message it is sent, `tools` has its list of tools, it says that they changed when there is a file `changed`, and
# goes on with what it holds back when there is a file `go`.

folder=$1

say() {
    printf '%s\n' "$1"
}

answer() {
    say '{"jsonrpc":"2.0","id":'"$id"',"result":'"$1"'}'
}

text() {
    answer '{"content":[{"type":"text","text":"'"$1"'"}]}'
}

progress() {
    say '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":'"$token"','"$1"'}}'
}

# As long as this process lives.
lives() {
    kill -0 $$ 2>/dev/null
}

watch() {
    while lives; do
        if [ -e "$folder/changed" ]; then
            rm "$folder/changed"
            say '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
        fi
        sleep 0.05
    done
}

narrate() {
    progress '"progress":1,"total":2,"message":"half"'
    while lives && [ ! -e "$folder/go" ]; do sleep 0.05; done
    progress '"progress":2,"total":2'
    text told
}

flood() {
    while lives && printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n' \
        "$token" 2>/dev/null; do :; done
}

watch &
watcher=$!
while read -r line; do
    printf '%s\n' "$line" >>"$folder/heard"
    id=${line#*\"id\":}
    id=${id%%[,\}]*}
    token=${line#*\"progressToken\":}
    token=${token%%[,\}]*}
    case $line in
    *'"method":"initialize"'*)
        answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"live","version":"1"}}'
        ;;
    *'"method":"tools/list"'*) answer '{"tools":'"$(tr -d '\n' <"$folder/tools")"'}' ;;
    *'"name":"say'*) text said ;;
    *'"name":"narrate"'*) narrate & ;;
    *'"name":"flood"'*) flood & ;;
    *'"name":"long"'*)
        head -c 50000000 /dev/zero | tr '\0' 'x'
        say ''
        text 'after a long line'
        ;;
    *'"name":"garbage"'*)
        while lives && printf '{"jsonrpc":"2.0","id":12345,"result":{"x":[1,2,3]}}\n}{ \377\n' 2>/dev/null; do :; done &
        ;;
    *'"name":"die"'*)
        kill "$watcher"
        exit 1
        ;;
    *'"name":"leave"'*) exit 1 ;;
    esac
done
