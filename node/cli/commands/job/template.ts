/** The job file that `peer job init` writes: what most jobs need, and in comments what many do. */
export const JOB_TEMPLATE = `# A job: what to run, how many of it, where, and how it is watched.
#
#   peer job validate FILE    checks the file
#   peer job plan FILE        shows what running it would change
#   peer job run FILE         runs it
#   peer job stop example

# The id. Submitting a file with the same id again changes the job.
job: example

# service: runs until it is stopped. batch: runs until it has ended well.
# system and sysbatch: the same, once on every node.
type: service

# Which nodes may run it. "peer node show" lists what nodes have.
# constraints:
#   - { attribute: attr.os, operator: =, value: linux }

groups:
  # The tasks of a group run together on one node.
  web:
    # How many instances of the group.
    count: 1

    # Instances on different racks, where nodes say theirs with "peer start --meta rack=r1".
    # spread: { attribute: meta.rack }

    # When a task ends by itself: started again on the same node, up to 2 times in 30 minutes …
    restart:
      attempts: 2
      interval: 30m
      delay: 15s
      mode: fail
    # … and then on another node, as often as needed.
    reschedule:
      unlimited: true
      delay: 30s

    network:
      ports:
        # A free port of the node, told to the tasks as PEER_PORT_http. { static: 8080 } is always that one.
        http: {}

    # A name by which others find the group, and how to see that it works.
    services:
      - name: example
        port: http
        checks:
          - { type: http, path: /, interval: 10s, timeout: 2s }

    tasks:
      server:
        # process: a program of the node itself.
        driver: process
        config:
          command: node
          args:
            - -e
            - |
              const server = require("node:http").createServer((request, response) => {
                console.log(request.method + " " + request.url);
                response.end(process.env.GREETING + "\\n");
              });
              server.listen(Number(process.env.PEER_PORT_http), process.env.PEER_IP_http);
              process.once("SIGTERM", () => process.exit(0));

        env:
          GREETING: hello

        # What is reserved on the node: thousandths of a core, and memory.
        resources:
          cpu: 100
          memory: 64MiB

        # Time to end in, after the signal.
        kill_timeout: 5s
`;
