# A server of the Model Context Protocol for tests, good and bad by turns. Its first argument is a file that each
# message it gets is added to.

answer() {
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"
}

text() {
    answer '{"content":[{"type":"text","text":"'"$1"'"}]}'
}

while read -r line; do
    printf '%s\n' "$line" >>"$1"
    id=${line#*\"id\":}
    id=${id%%[,\}]*}
    case $line in
    *'"method":"initialize"'*)
        answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"shop","version":"1"}}'
        ;;
    *'"method":"tools/list"'*'"cursor":"two"'*)
        answer '{"tools":[{"name":"broken","inputSchema":7},{"name":"die","inputSchema":{"type":"object"}}]}'
        ;;
    *'"method":"tools/list"'*)
        answer '{"nextCursor":"two","tools":[
{"name":"countStock","description":"Count what is there","annotations":{"readOnlyHint":true},
"inputSchema":{"type":"object","properties":{"item":{"type":"string"}},"required":["item"]},
"outputSchema":{"type":"object","properties":{"count":{"type":"integer"}}}}]}' | tr -d '\n'
        printf '\n'
        ;;
    *'"name":"countStock"'*) answer '{"content":[],"structuredContent":{"count":3}}' ;;
    *'"name":"environment"'*) text "$(env | cut -d= -f1 | tr '\n' ' ')" ;;
    *'"name":"fail"'*) answer '{"content":[{"type":"text","text":"no such row in db7"}],"isError":true}' ;;
    *'"name":"garbage"'*)
        printf 'Listening...\n{"jsonrpc":"2.0","id":999,"result":{}}\n[{\n\n\377\376\n'
        text fine
        ;;
    *'"name":"huge"'*) head -c 3000000 /dev/zero | tr '\0' 'x' ;;
    *'"name":"die"'*) exit 1 ;;
    *'"name":"odd"'*) answer '{"content":7}' ;;
    *'"name":"refuse"'*)
        printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"no such row in db7"}}\n' "$id"
        ;;
    esac
done
