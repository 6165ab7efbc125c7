# Asks with a tool (dig, kdig, drill, delv) for each NAME TYPE, and prints a line: the data, or how the tool says that
# there are none.
tool=$1
shift
while [ $# -gt 0 ]; do
  case $tool in
    # Nothing here is signed.
    delv) said=$(delv -i "$1" "$2" 2>&1) ;;
    # By itself it leaves a truncated answer at that.
    drill) said=$(drill -a "$1" "$2" 2>&1) ;;
    *) said=$("$tool" "$1" "$2" 2>&1) ;;
  esac
  data=$(awk -v type="$2" '!/^;/ && $4 == type { sub(/.*[ \t]IN[ \t]+[A-Z]+[ \t]+/, ""); print }' <<<"$said")
  if [ "$2" = TXT ] && [ -n "$data" ]; then
    text=$(tr -d '" \n' <<<"$data")
    echo "${#text} bytes"
  elif [ -n "$data" ]; then
    echo "$data"
  else
    grep -oE '(status|rcode): [A-Z]+|resolution failed: .*' <<<"$said" | tail -n 1 | sed 's/.*: //'
  fi
  shift 2
done
