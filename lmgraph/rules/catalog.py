"""The three alert rules as data: what each is called, means, cites, and where its Sigma form lies."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Final

from lmgraph.schema import STAGE_OF_ALERT, AlertType, Severity, Stage

_ATTACK: Final = "https://attack.mitre.org/techniques/T1021/002/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One alert rule.

    Attributes:
        id: UUID, the same in the Sigma file and in ``alerts[].rule_id``.
        alert_type: Its name in outputs.
        title: One line.
        description: What it matches and what that means.
        level: Sigma level.
        techniques: ATT&CK technique ids.
        references: Where the idea comes from.
        false_positives: What else matches.
        sigma_file: Name of the file in ``lmgraph/rules/sigma``.
    """

    id: str
    alert_type: AlertType
    title: str
    description: str
    level: Severity
    techniques: tuple[str, ...]
    references: tuple[str, ...]
    false_positives: tuple[str, ...]
    sigma_file: str

    @property
    def stage(self) -> Stage:
        """The stage of a movement that the alert is the source-side witness of."""
        return STAGE_OF_ALERT[self.alert_type]

    def sigma(self) -> str:
        """Text of the Sigma rule."""
        return resources.files("lmgraph.rules").joinpath("sigma", self.sigma_file).read_text("utf-8")


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        id="5d7f2a94-3f0e-4c53-9d0b-7b1f0c7c1a61",
        alert_type="PsExecExecution",
        title="Remote Execution Tool Started - PsExec, PAExec Or RemCom",
        description=(
            "Detects the start of PsExec, PAExec or RemCom on the source host, by file name or by the "
            "original file name of a renamed PsExec. Each installs a service on the target through ADMIN$."
        ),
        level="medium",
        techniques=("T1021.002", "T1569.002"),
        references=(
            _ATTACK,
            "https://attack.mitre.org/techniques/T1569/002/",
            "https://learn.microsoft.com/en-us/sysinternals/downloads/psexec",
        ),
        false_positives=(
            "Administrators and deployment tools that use PsExec or PAExec",
            "PsExec used locally, for instance to get a SYSTEM shell",
        ),
        sigma_file="psexec_execution.yml",
    ),
    Rule(
        id="b0c1e7d2-8a4b-4b7e-a8f6-2f6d4a0d9c35",
        alert_type="NetUseAdminShare",
        title="Administrative Share Mapped With Net Use",
        description=(
            "Detects net.exe or net1.exe that uses the share ADMIN$, C$ or IPC$ of a host. A disconnect "
            "(/delete) is no movement."
        ),
        level="medium",
        techniques=("T1021.002",),
        references=(
            _ATTACK,
            "https://github.com/redcanaryco/atomic-red-team/blob/master/atomics/T1021.002/T1021.002.md",
        ),
        false_positives=(
            "Administrators and log-on scripts that map administrative shares",
            "Inventory and backup software that calls net.exe",
        ),
        sigma_file="net_use_admin_share.yml",
    ),
    Rule(
        id="e3a9c4f8-61d5-4e0a-9b27-c8d1f5e2b470",
        alert_type="SMB445Connection",
        title="Outbound SMB Connection By A User-Mode Process",
        description=(
            "Detects an outbound connection to port 445 by a process that is neither the kernel nor the "
            "service host of Windows. Ordinary SMB traffic is made by the kernel (System)."
        ),
        level="low",
        techniques=("T1021.002",),
        references=(
            _ATTACK,
            "https://www.elastic.co/guide/en/security/current/direct-outbound-smb-connection.html",
        ),
        false_positives=(
            "Backup, monitoring and inventory agents that connect at regular intervals",
            "Vulnerability scanners",
            "The endpoint sensor itself",
        ),
        sigma_file="smb_445_connection.yml",
    ),
)
RULE_OF: Final[dict[AlertType, Rule]] = {rule.alert_type: rule for rule in RULES}
