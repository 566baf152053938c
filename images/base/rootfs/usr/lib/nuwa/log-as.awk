# The work of log-as. Any awk runs it; `name` is the mark. A message and its header have to fit into maxMessageSize of rsyslog.conf:
# what is longer than --size is split here, where nothing is lost.

BEGIN {
  logger = "exec logger --socket /run/nuwa/log/services.sock --socket-errors=off --size 160KiB"
  logger = logger " --priority daemon.info --tag " name
}

{
  print name ": " $0
  fflush()
  print | logger
  fflush(logger)
}
