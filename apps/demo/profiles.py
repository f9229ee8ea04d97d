"""How Ganeti's releases differ in what their remote API says: the simulator speaks as any of these."""

from dataclasses import dataclass

COMMON_FIELDS = ("ctime", "mtime", "uuid", "serial_no", "tags")

# The fields of the bulk lists, in the order of Ganeti's lib/rapi.
INSTANCE_FIELDS_2_4 = (
    "name", "admin_state", "os", "pnode", "snodes", "disk_template", "nic.ips", "nic.macs", "nic.modes", "nic.links",
    "nic.bridges", "network_port", "disk.sizes", "disk_usage", "beparams", "hvparams", "oper_state", "oper_ram",
    "oper_vcpus", "status", "custom_hvparams", "custom_beparams", "custom_nicparams", *COMMON_FIELDS,
)  # fmt: skip
INSTANCE_FIELDS_2_9 = (
    "name", "admin_state", "os", "pnode", "snodes", "disk_template", "nic.ips", "nic.macs", "nic.modes", "nic.uuids",
    "nic.names", "nic.links", "nic.networks", "nic.networks.names", "nic.bridges", "network_port", "disk.sizes",
    "disk_usage", "disk.uuids", "disk.names", "beparams", "hvparams", "oper_state", "oper_ram", "oper_vcpus", "status",
    "custom_hvparams", "custom_beparams", "custom_nicparams", *COMMON_FIELDS,
)  # fmt: skip
INSTANCE_FIELDS = (
    "name", "admin_state", "os", "pnode", "snodes", "disk_template", "nic.ips", "nic.macs", "nic.modes", "nic.uuids",
    "nic.names", "nic.links", "nic.networks", "nic.networks.names", "nic.bridges", "network_port", "disk.sizes",
    "disk.spindles", "disk_usage", "disk.uuids", "disk.names", "beparams", "hvparams", "oper_state", "oper_ram",
    "oper_vcpus", "status", "custom_hvparams", "custom_beparams", "custom_nicparams", *COMMON_FIELDS,
)  # fmt: skip

NODE_FIELDS_2_4 = (
    "name", "offline", "master_candidate", "drained", "dtotal", "dfree", "mtotal", "mnode", "mfree", "pinst_cnt",
    "sinst_cnt", "ctotal", "cnodes", "csockets", "pip", "sip", "role", "pinst_list", "sinst_list", "master_capable",
    "vm_capable", "group.uuid", *COMMON_FIELDS,
)  # fmt: skip
NODE_FIELDS = (
    "name", "offline", "master_candidate", "drained", "dtotal", "dfree", "sptotal", "spfree", "mtotal", "mnode",
    "mfree", "pinst_cnt", "sinst_cnt", "ctotal", "cnos", "cnodes", "csockets", "pip", "sip", "role", "pinst_list",
    "sinst_list", "master_capable", "vm_capable", "ndparams", "group.uuid", *COMMON_FIELDS,
)  # fmt: skip

GROUP_FIELDS_2_4 = ("alloc_policy", "name", "node_cnt", "node_list", "ctime", "mtime", "uuid", "serial_no")
GROUP_FIELDS = (
    "alloc_policy", "name", "node_cnt", "node_list", "ipolicy", "custom_ipolicy", "diskparams", "custom_diskparams",
    "ndparams", "custom_ndparams", *COMMON_FIELDS,
)  # fmt: skip
NETWORK_FIELDS = (
    "name", "network", "gateway", "network6", "gateway6", "mac_prefix", "free_count", "reserved_count", "map",
    "group_list", "inst_list", "external_reservations", *COMMON_FIELDS,
)  # fmt: skip
JOB_FIELDS_BULK = ("id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts")
JOB_FIELDS = (*JOB_FIELDS_BULK, "oplog", "opresult")

FEATURES = ("instance-reinstall-reqv1", "node-migrate-reqv1", "node-evac-res1", "instance-create-reqv1")
_UNKNOWN_TO_2_4 = (
    "ipolicy", "ndparams", "diskparams", "max_tracked_jobs", "max_running_jobs", "enabled_disk_templates",
    "install_image", "instance_communication_network", "zeroing_image", "compression_tools", "enabled_user_shutdown",
    "enabled_data_collectors", "data_collector_interval", "modify_ssh_setup", "ssh_key_type", "ssh_key_bits",
    "vcs_version", "master_netmask", "use_external_mip_script", "gluster_storage_dir", "default_iallocator_params",
    "drbd_helper", "vg_name",
)  # fmt: skip
_UNKNOWN_TO_2_9 = (
    "max_tracked_jobs", "install_image", "instance_communication_network", "zeroing_image", "compression_tools",
    "enabled_user_shutdown", "enabled_data_collectors", "data_collector_interval", "modify_ssh_setup", "ssh_key_type",
    "ssh_key_bits", "gluster_storage_dir", "default_iallocator_params", "drbd_helper", "vg_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """What one release of Ganeti knows and how it words it."""

    version: str
    instance_fields: tuple[str, ...] = INSTANCE_FIELDS
    node_fields: tuple[str, ...] = NODE_FIELDS
    group_fields: tuple[str, ...] = GROUP_FIELDS
    features: tuple[str, ...] = FEATURES
    unknown_info: tuple[str, ...] = ()  # keys that /2/info of this release lacks
    unknown_parameters: tuple[str, ...] = ()  # of opcodes, that later ones have
    has_queries: bool = True  # /2/query/*
    has_networks: bool = True
    has_group_tags: bool = True
    has_reasons: bool = True  # a trail of reasons with every opcode
    has_bulk_jobs: bool = True
    keeps_parameters: bool = True  # of the system that was installed anew: before 2.16 only the creation's were kept
    lists_missing_jobs: bool = True  # an unknown job is all nulls; before luxid answered it was a 404
    job_ids_are_texts: bool = False
    boolean_admin_state: bool = False
    waiting: str = "waiting"
    drained: tuple[int, str] = (500, "Queue drained")

    @property
    def is_ancient(self) -> bool:
        """Before memory had a minimum and a maximum, and disks and interfaces had names (2.6)."""
        return self.boolean_admin_state


PROFILES = {
    "2.4": Profile(
        version="2.4.5",
        instance_fields=INSTANCE_FIELDS_2_4,
        node_fields=NODE_FIELDS_2_4,
        group_fields=GROUP_FIELDS_2_4,
        features=("instance-create-reqv1", "instance-reinstall-reqv1"),
        unknown_info=_UNKNOWN_TO_2_4,
        unknown_parameters=("group_name",),
        has_queries=False,
        has_networks=False,
        has_group_tags=False,
        has_reasons=False,
        has_bulk_jobs=False,
        keeps_parameters=False,
        lists_missing_jobs=False,
        job_ids_are_texts=True,
        boolean_admin_state=True,
        waiting="waitlock",
        drained=(503, "Job queue is drained, cannot submit"),
    ),
    "2.9": Profile(
        version="2.9.5",
        instance_fields=INSTANCE_FIELDS_2_9,
        unknown_info=_UNKNOWN_TO_2_9,
        unknown_parameters=("group_name",),
        lists_missing_jobs=False,
        keeps_parameters=False,
        drained=(503, "Job queue is drained, cannot submit"),
    ),
    "3.0": Profile(version="3.0.2"),
}
