"""The parts of the testbed that can be tried without a cluster."""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from ganeti import tags

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "contrib/ganeti-testbed"))

from bed import commands, machine, seeds
from bed.cluster import Cluster


class TestProcesses:
    def test_a_process_written_down_is_known(self, tmp_path):
        pidfile = machine.PidFile(tmp_path / "a.pid")
        pidfile.write(os.getpid())
        assert pidfile.pid() == os.getpid()

    def test_a_stranger_with_a_used_pid_is_never_ended(self, tmp_path):
        pidfile = machine.PidFile(tmp_path / "a.pid")
        pidfile.path.write_text(json.dumps({"pid": os.getpid(), "start": 1}))
        assert pidfile.pid() is None
        assert not pidfile.kill()
        assert not pidfile.path.exists()


class TestLayouts:
    def asked(self, *words):
        return commands.parser().parse_args(["up", *words])

    def clusters(self, tmp_path, *words):
        return commands.clusters_asked_for(commands.Testbed(tmp_path), self.asked(*words))

    def test_two_clusters_are_the_usual_ones(self, tmp_path):
        assert [(c.slug, len(c.nodes), c.port) for c in self.clusters(tmp_path)] == [("c1", 5, 15080), ("c2", 2, 15081)]

    def test_further_clusters_are_like_the_last_one_named(self, tmp_path):
        clusters = self.clusters(tmp_path, "--clusters", "3", "--nodes", "2,1", "--first", "5")
        assert [(c.slug, len(c.nodes)) for c in clusters] == [("c5", 2), ("c6", 1), ("c7", 1)]

    @pytest.mark.parametrize("words", [["--nodes", "0"], ["--clusters", "0"], ["--first", "250"], ["--nodes", "81"]])
    def test_an_impossible_one_is_refused(self, tmp_path, words):
        with pytest.raises(machine.Failure):
            self.clusters(tmp_path, *words)

    def test_what_is_written_down_is_read_again(self, tmp_path):
        bed = commands.Testbed(tmp_path)
        clusters = commands.clusters_asked_for(bed, self.asked("--hypervisor", "kvm"))
        bed.write_down(clusters)
        assert [cluster.layout for cluster in bed.clusters()] == [cluster.layout for cluster in clusters]

    def test_another_layout_is_not_built_over_the_one_that_is_there(self, tmp_path):
        bed = commands.Testbed(tmp_path)
        bed.write_down(commands.clusters_asked_for(bed, self.asked()))
        with pytest.raises(machine.Failure, match="another layout"):
            commands.up(bed, self.asked("--nodes", "1"))

    def test_a_place_that_the_nodes_hide_is_refused(self):
        with pytest.raises(machine.Failure, match="choose another directory"):
            commands.Testbed(Path("/srv/testbed"))

    def test_two_clusters_share_no_address(self, tmp_path):
        one, two = self.clusters(tmp_path, "--hypervisor", "kvm")
        assert not {forward[:2] for forward in one.forwards()} & {forward[:2] for forward in two.forwards()}

    def test_nothing_there_is_a_status_of_its_own(self, tmp_path):
        assert commands.status(commands.Testbed(tmp_path), argparse.Namespace()) == 3


class TestSeeds:
    def test_owners_are_spelled_as_ganetimgr_spells_them(self):
        owners = {
            owner
            for number in range(1, 7)
            for owner in tags.owners(seeds.owner_tags(number, seeds.Spellings()), "ganetimgr")
        }
        assert owners == {"user:alice", "user:user01", "user:user02", "group:noc", "group:dev"}

    def test_another_spelling_can_be_asked_for(self):
        spellings = seeds.Spellings("vps:user:{}", "vps:group:{}")
        assert seeds.owner_tags(6, spellings) == ["vps:user:user02", "vps:group:dev"]

    def test_no_instance_lands_on_a_node_that_takes_none(self, tmp_path):
        cluster = Cluster(tmp_path, 1, 5, 15080)
        hosts = {seeds.instance_to_make(cluster, number, seeds.Spellings())["pnode"] for number in range(1, 30)}
        assert hosts == {f"node{number}.c1.ganeti.example" for number in (1, 2, 3)}
