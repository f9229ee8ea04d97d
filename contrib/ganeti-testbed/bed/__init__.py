"""The parts of the testbed: each node a handful of Linux namespaces with unmodified Ganeti daemons in them.

commands   what a person types
cluster    nodes that form one Ganeti cluster, and its way from nothing to ready
seeds      instances with owners
node       one machine of a cluster
fabric     the network between a cluster's nodes, and the way into it
systems    operating systems that can be installed on instances
rapi       a very small client, so that a cluster can be asked whether it is well
machine    this machine: its processes, packages and files
"""
