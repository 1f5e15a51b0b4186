printf 'not a core\n' >text
: >empty
heapgraph analyze text; echo "exit $?"
heapgraph analyze empty; echo "exit $?"
heapgraph analyze nosuch; echo "exit $?"
heapgraph analyze /bin/sh; echo "exit $?"
heapgraph analyze .; echo "exit $?"
