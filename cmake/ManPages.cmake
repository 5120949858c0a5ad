# session-worker.conf(5) and checkoutctl(1) from what the programs print of themselves.
function(co_output out)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR text STREQUAL "")
    message(FATAL_ERROR "${ARGN}: ${status}")
  endif()
  string(REPLACE "\\" "\\e" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  # A line that begins with a dot or a quote would be a request.
  string(REGEX REPLACE "\n([.'])" "\n\\\\&\\1" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

co_output(example ${WORKER} --describe example)
file(WRITE ${OUT}/session-worker.conf.5 ".TH SESSION\\-WORKER.CONF 5 \"\" \"checkout-session\" \"File formats\"
.SH NAME
session\\-worker.conf \\- configuration of session\\-worker
.SH DESCRIPTION
An INI file that
.BR session\\-worker (8)
reads at start when
.B \\-\\-config
names it.
Sections and keys are below, each with its default and what is allowed.
A line that begins with # or ; is a comment.
.PP
Over the file counts the environment (CHECKOUT_SECTION_KEY in capitals, every dot as an underscore), and over that
.BR \\-X .
Secrets (redis.url, and the passwords of [kafka]) are best given as CHECKOUT_..._FILE, naming a file that holds the value.
Unknown keys, values out of range and unreadable files are refused: exit status 2, one line per mistake.
.PP
SIGHUP reads [log] and the merchant registry again; all else needs a restart.
.SH SETTINGS
.nf
${example}.fi
.SH SEE ALSO
.BR session\\-worker (8),
.BR checkoutctl (1)
")

co_output(usage ${CTL} --help)
set(verbs "")
foreach(verb send watch topics describe dlq demo)
  co_output(help ${CTL} ${verb} --help)
  string(TOUPPER ${verb} title)
  string(APPEND verbs ".SS ${title}\n.nf\n${help}.fi\n")
endforeach()
file(WRITE ${OUT}/checkoutctl.1 ".TH CHECKOUTCTL 1 \"\" \"checkout-session\" \"User commands\"
.SH NAME
checkoutctl \\- the operator's and developer's tool of the checkout session service
.SH SYNOPSIS
.B checkoutctl
.I verb
.RI [ options ]
.SH DESCRIPTION
.nf
${usage}.fi
.SH VERBS
${verbs}.SH SEE ALSO
.BR session\\-worker (8),
.BR session\\-worker.conf (5)
")
