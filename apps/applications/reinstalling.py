"""The systems of this site for VMs that are there already: installed anew, and followed when they get another name."""

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from accounts.models import SshPublicKey
from apps.applications import images, recipe
from apps.applications.hostnames import application_of
from apps.applications.models import InstanceApplication
from apps.clusters import fleet
from apps.clusters.fleet import NothingKnown, Vm
from apps.clusters.models import Job
from ganeti.objects import Job as GanetiJob

MAX_KEYS = 200  # of all owners together

choices = images.choices


def offered_as(image: str) -> str:
    """The id under which people choose what Ganeti knows as this image; empty where it is not offered."""
    found = (one.id for one in images.catalogue().values() if image in (one.osparams.get("img_id"), one.id))
    return next(found, "")


def parameters(system: str, cluster: str, instance: str) -> tuple[str, dict[str, str]]:
    """Ganeti's OS and its parameters, secrets among them; LookupError for a system that is not in the catalogue.

    The keys are those of the people who own the VM now, not of whoever applied for it once.
    """
    image = images.catalogue()[system]
    vm = _known(cluster, instance)
    owners = list(_owners(vm)) if vm else []
    keys = SshPublicKey.objects.filter(owner__in=owners).order_by("pk")[:MAX_KEYS] if image.ssh_key_users else []
    application = _application(vm, owners) if vm and image.ssh_key_param else None
    if application:
        # The address of its keys answers for a while after the last change only.
        InstanceApplication.objects.filter(pk=application.pk).update(last_updated=timezone.now())
    return image.provider, recipe.osparams(application, image, [key.line for key in keys])


def _known(cluster: str, instance: str) -> Vm | None:
    try:
        return fleet.find(cluster, instance)
    except NothingKnown:
        return None


def _owners(vm: Vm) -> list[User]:
    """The people whom its tags name; where they name groups only, their members."""
    named = Q(username__in=vm.tags.users) if vm.tags.users else Q(groups__name__in=vm.tags.groups)
    return list(User.objects.filter(named, is_active=True).distinct())


def _application(vm: Vm, owners: list[User]) -> InstanceApplication | None:
    """What the VM was made for, if whose keys it gives still owns it."""
    number = application_of(vm.instance)
    return InstanceApplication.objects.filter(pk=number, applicant__in=owners).first() if number else None


def renamed(row: Job, job: GanetiJob | None) -> None:
    """The application of a VM that got another name tells the new one. Called in the transaction that ends the job."""
    if job is not None and job.succeeded:
        made = InstanceApplication.objects.filter(
            cluster=row.cluster, hostname=row.instance, status=InstanceApplication.Status.SUCCESS
        )
        made.update(hostname=row.name_at_the_end)
