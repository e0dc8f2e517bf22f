# shellcheck shell=bash
# Sourced by the scripts that run many parts: each part runs though others failed, and one list at the end says what
# failed and what took how long.
#
#   part NAME COMMAND...          runs it, shows and keeps its output; a failed test is listed by its own name
#   report                        prints the list and the counts; fails if anything failed
#   install_from_cargo PROGRAM... builds those that are missing into target/tools, without optimisation

logs=$PWD/target/parts
# A script that is itself a part of another adds to that one's list.
if [ -z "${SEKISHO_PARTS:-}" ]; then
  export SEKISHO_PARTS=$logs/list
  mkdir -p "$logs"
  : >"$SEKISHO_PARTS"
  reports=yes
else
  reports=
fi

part() {
  local name=$1 status began=$SECONDS log
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  echo "== $name"
  # Not `|| status=$?`, which would have a function go on behind a command that fails.
  set +e
  (set -e; "$@") 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  printf 'took\t%s\t%s\n' "$name" "$((SECONDS - began))" >>"$SEKISHO_PARTS"
  awk -v part="$name" -v status="$status" -f scripts/failures.awk "$log" >>"$SEKISHO_PARTS"
}

report() {
  [ -n "$reports" ] || return 0
  awk -F '\t' '
    $1 == "took" { took = took sprintf("  %3d:%02d  %s\n", $3 / 60, $3 % 60, $2) }
    $1 == "failed" { failed = failed "  " $2 "\n"; failures++ }
    $1 == "counted" { passed += $2; broken += $3 }
    END {
      printf "\nTook, in minutes:\n%s", took
      if (failures) printf "\nFailed:\n%s", failed
      # What failed without being a test counts as one, so that the line never says that all is well when it is not.
      if (failures > broken) broken = failures
      printf "\n%d passed, %d failed\n", passed, broken
      exit failures > 0
    }' "$SEKISHO_PARTS"
}

install_from_cargo() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null && continue
    echo "installing $program"
    # One folder for all, so that what two of them use is built once.
    CARGO_TARGET_DIR=$PWD/target/tools/build CARGO_PROFILE_DEV_DEBUG=0 \
      cargo install --quiet --debug --locked --root "$PWD/target/tools" "$program"
  done
}
