# Prints the Makefile's targets, grouped by its "##@" lines, from the "##" comments behind each target.
BEGIN { FS = ":.*##"; print "Usage: make TARGET [NAME=value]" }
/^##@/ { printf "\n%s\n", substr($0, 5) }
/^[a-z][a-z-]*:.*##/ { printf "  %-16s %s\n", $1, substr($2, 2) }
