# Sourced by the scripts that test a server: takes `--executable PATH` from the arguments, and checks that the test's
# tools are there. Sets `python`, and `executable` unless the script has set it.
executable="${executable:-bin/immudb}"
if [ "${1:-}" = --executable ]; then
    executable="$2"
    shift 2
fi
python="${IMMUDB_TEST_PYTHON:-.venv/bin/python3}"
for needed in "$executable" "$python"; do
    [ -x "$needed" ] || {
        echo "$needed is missing: run make build and make python first" >&2
        exit 1
    }
done
