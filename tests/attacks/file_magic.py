# Asks the notebook machinery itself to run commands and to change cells.
%%script bash --bg
touch /tmp/owned; cp -r COURSE/source /tmp/; sleep 987654 &
