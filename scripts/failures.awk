# Reads what one part printed (cargo test, node --test, or anything) and prints lines for `report` in scripts/parts.sh:
#   counted TAB passed TAB failed
#   failed TAB what
#   took TAB program TAB seconds, for test programs that took ten or more
# with the variables `part` (its name) and `status` (its exit status).
#
# Cargo names the packages of the test programs that failed at its end only, in the order in which they ran.

{ gsub(/\r|\033\[[0-9;]*m/, "") }

/^ +(Running|Doc-tests) / {
  programs++
  verdict[programs] = ""
  tests[programs] = ""
  in_list = 0
  name = $NF
  sub(/^.*\//, "", name)
  sub(/-[0-9a-f]+\)$/, "", name)
}
/^failures:$/ { tests[programs] = ""; in_list = 1; next }
in_list && /^    [^ ]+$/ { tests[programs] = tests[programs] " " $1; next }
in_list && !/^$/ { in_list = 0 }
/^test result: / {
  verdict[programs] = $3
  passed += $4
  failed += $6
  in_list = 0
  seconds = $NF + 0
  if (seconds >= 10) print "took\t    of which " name "\t" int(seconds)
}

/^error: [0-9]+ targets? failed:$/ { in_targets = 1; next }
in_targets && /^    `.*`$/ { sub(/^    `/, ""); sub(/`$/, ""); targets[++named] = $0; next }
in_targets { in_targets = 0 }

# node --test, in either of its forms.
/^(# |ℹ )pass [0-9]+$/ { passed += $3 }
/^(# |ℹ )fail [0-9]+$/ { failed += $3 }
/^ *not ok [0-9]+ - / { line = $0; sub(/^ *not ok [0-9]+ - /, "", line); list(part ": " line) }

# scripts/fuzz
/: something was found$/ { list(part ": " $0) }

/^error(\[E[0-9]+\])?: / && !first_error { first_error = $0 }

function list(what) { listed++; print "failed\t" what }

END {
  for (i = 1; i <= programs; i++) {
    if (verdict[i] == "ok.") continue
    target = targets[++at]
    if (target == "") target = part
    count = split(tests[i], names, " ")
    for (n = 1; n <= count; n++) list(target ": " names[n])
    if (!count) { failed++; list(target ": ended before its tests did") }
  }
  if (status != 0 && !listed) list(part (first_error ? ": " first_error : ""))
  print "counted\t" passed + 0 "\t" failed + 0
}
