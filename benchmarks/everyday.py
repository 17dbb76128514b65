"""The kinds of records that Falcon writes all day: most say nothing of movement, some only look like it.

Kinds, fields and sizes follow FALCON.md §2 and §3.
"""

from __future__ import annotations

from typing import Final

from benchmarks.falcon import (
    ACCOUNT,
    DEVICE,
    HOME,
    KERNEL_SMB,
    NETWORK_LOGON,
    WINDOWS,
    Kinds,
    connection,
    logon,
    process,
)


def _file(directory: str, name: str, **more: str) -> dict[str, str]:
    return {
        "ContextTimeStamp": "<sec>",
        "ContextProcessId": "<pid>",
        "ContextThreadId": "<n13t>",
        "ContextBaseFileName": "explorer.exe",
        "TargetFileName": f"{directory}\\{name}",
        "FileObject": "<n13p>",
        "FileIdentifier": "<x32>0000000000000000<x32b>",
        "FileOperatorSid": ACCOUNT["UserSid"],
        "DiskParentDeviceInstanceId": "PCI\\VEN_15AD&DEV_07F0\\4&1f5a8c7&0&00A8",
        "IrpFlags": "1028",
        "IsOnNetwork": "0",
        "IsOnRemovableDisk": "0",
        "MajorFunction": "18",
        "MinorFunction": "0",
        "OperationFlags": "0",
        "Size": "<n6>",
        "Status": "0",
        "TokenType": "1",
        "TreeId": "<n10t>",
        "UserName": "<user>",
        **more,
    }


def _registry(key: str, value: str) -> dict[str, str]:
    return {
        "ContextTimeStamp": "<sec>",
        "ContextProcessId": "<pid>",
        "ContextThreadId": "<n13t>",
        "ContextBaseFileName": "svchost.exe",
        "RegObjectName": key,
        "RegValueName": value,
        "RegStringValue": f"{DEVICE}\\ProgramData\\Vendor\\Agent\\plugins\\<word>\\<word2>.dll,-<n3>",
        "RegNumericValue": "",
        "RegOperationType": "1",
        "RegType": "1",
        "RegPostObjectName": "",
        "AuthenticationId": "<luid>",
        "TokenType": "1",
        "Data1": "<n10t>",
        "TargetCommandLineParameters": "",
        "TargetFileName": f"{DEVICE}\\ProgramData\\Vendor\\Agent\\plugins\\<word>\\<word2>.dll",
    }


_CHROME: Final = f"{DEVICE}\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
_CHROME_LINE: Final = (
    '"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe" --type=renderer --lang=en-US'
    " --device-scale-factor=1 --num-raster-threads=4 --renderer-client-id=<n3>"
    " --time-ticks-at-unix-epoch=-<n13p> --launch-time-ticks=<n10t>"
    " --field-trial-handle=<n4>,i,<n13t>,262144 --variations-seed-version=<n8>"
)
_SCRIPT: Final = (
    "$ErrorActionPreference = 'Stop'\n"
    "function Get-<word>Inventory {\n  param([string]$Path = 'C:\\ProgramData\\<word2>')\n"
    "  Get-ChildItem -Path $Path -Recurse -File | Where-Object { $_.Length -gt <n6> } | ForEach-Object {\n"
    "    [pscustomobject]@{ Name = $_.FullName; "
    "Hash = (Get-FileHash $_.FullName).Hash; Size = $_.Length }\n  }\n}\n"
    "Get-<word>Inventory | Export-Csv -NoTypeInformation -Path 'C:\\Temp\\<word3>-<n6>.csv'\n"
)

# What has nothing to do with SMB; shares of all records, the first of what the rest leaves.
ORDINARY: Final[Kinds] = (
    (
        "ProcessRollup2",
        19,
        0.0770,
        (
            process(_CHROME, _CHROME_LINE, "chrome.exe"),
            process(_CHROME, _CHROME_LINE, "chrome.exe", WindowTitle="<word> - <word2> <word3>"),
            process(
                f"{WINDOWS}\\svchost.exe",
                "C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s <word>",
                "services.exe",
            ),
            process(
                f"{WINDOWS}\\conhost.exe",
                "\\??\\C:\\Windows\\system32\\conhost.exe 0xffffffff -ForceV1",
                "cmd.exe",
            ),
            process(f"{WINDOWS}\\cmd.exe", 'cmd.exe /c ""C:\\ProgramData\\<word>\\<word2>.cmd" <n4>"'),
            process(
                f"{HOME}\\AppData\\Local\\Programs\\<word>\\<word2>.exe",
                '"C:\\users\\<user>\\AppData\\Local\\Programs\\<word>\\<word2>.exe" --profile=<n3>',
            ),
            process(
                f"{WINDOWS}\\WindowsPowerShell\\v1.0\\powershell.exe",
                "powershell.exe -NoProfile -File C:\\Scripts\\<word>.ps1 -Tag a=b -Limit <n4>",
            ),
            process(f"{WINDOWS}\\taskhostw.exe", "taskhostw.exe SYSTEM <n6>", "svchost.exe"),
        ),
    ),
    (
        # What looks like an alert and is none.
        "ProcessRollup2",
        19,
        0.0020,
        (
            process(f"{WINDOWS}\\net.exe", "net user <user> /domain", "cmd.exe"),
            process(
                f"{WINDOWS}\\net1.exe", "C:\\Windows\\system32\\net1 localgroup Administrators", "net.exe"
            ),
            process(f"{WINDOWS}\\net.exe", "net use Z: \\\\<peerhost>\\public", "cmd.exe"),
            process(f"{WINDOWS}\\net.exe", "net view \\\\<peerhost>", "cmd.exe"),
            process(
                f"{DEVICE}\\Program Files\\dotnet\\dotnet.exe",
                'dotnet.exe use "$<n4>" C:\\build\\<word>.dll --port 445',
            ),
            process(f"{WINDOWS}\\notepad.exe", "notepad.exe C:\\docs\\psexec-<word>.txt"),
        ),
    ),
    (
        "NetworkConnectIP4",
        12,
        0.0650,
        (
            connection("443", "<wan>", ContextBaseFileName="chrome.exe"),
            connection("443", "<wan>", ContextBaseFileName="Teams.exe"),
            connection("80", "<wan>", ContextBaseFileName="svchost.exe"),
            connection("53", "<peer>", ContextBaseFileName="svchost.exe"),
            connection("88", "<peer>", ContextBaseFileName="lsass.exe"),
            connection("389", "<peer>", ContextBaseFileName="OUTLOOK.EXE"),
            connection("4450", "<peer>", ContextBaseFileName="<word>.exe"),
            connection("8530", "<peer>", ContextBaseFileName="svchost.exe", RawProcessId="445"),
        ),
    ),
    (
        "DnsRequest",
        5,
        0.1200,
        tuple(
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "ContextThreadId": "<n13t>",
                "ContextBaseFileName": "chrome.exe",
                "DomainName": domain,
                "RequestType": "1",
                "DualRequest": "0",
                "DnsRequestCount": "1",
                "InterfaceIndex": "<n3>",
                "QueryStatus": "0",
                "DnsServerIpAddress": "<peer>",
                "IP4Records": "<wan>;<wan2>;<wan3>;",
                "CNAMERecords": "<word>.<word2>.edge.example.net;<word3>.cdn.example.net;",
                "FirstIP4Record": "<wan>",
                "ImageFileName": image,
            }
            for domain, image in (
                ("<word>.<word2>.example.com", _CHROME),
                ("api.<word>.example.org", f"{HOME}\\AppData\\Local\\<word3>\\<word>.exe"),
                ("<word2>.cdn.example.net", _CHROME),
                ("telemetry-<n4>.<word>.example.com", f"{WINDOWS}\\svchost.exe"),
            )
        ),
    ),
    (
        "DnsRequest",
        5,
        0.0003,
        (
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "DomainName": "psexec.<word>.example.com",
                "RequestType": "1",
            },
        ),
    ),
    (
        "ClassifiedModuleLoad",
        1,
        0.1100,
        tuple(
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "TargetProcessId": "<n13p>",
                "ImageFileName": image,
                "TargetImageFileName": _CHROME,
                "ModuleCharacteristics": "8226",
                "ModuleLoadTelemetryClassification": "5",
                "MappedFromUserMode": "1",
                "PrimaryModule": "0",
                "SignInfoFlags": "8683538",
                "SHA256HashData": "<hash>",
                "MD5HashData": "<x32>",
                "AuthenticodeHashData": "<hash>",
                "TreeId": "<n10t>",
                "OriginalFilename": "<word>.dll",
                "CompanyName": "Vendor Corporation",
                "FileVersion": "10.0.<n5>.<n4>",
                "ModuleSize": "<n6>",
            }
            for image in (
                f"{WINDOWS}\\<word>.dll",
                f"{DEVICE}\\Program Files\\<word2>\\<word>.dll",
                f"{HOME}\\AppData\\Local\\<word2>\\<word>.dll",
            )
        ),
    ),
    (
        "ImageHash",
        4,
        0.0700,
        (
            {
                "ContextTimeStamp": "<sec>",
                "TargetProcessId": "<pid>",
                "ImageFileName": f"{WINDOWS}\\<word>.dll",
                "MD5HashData": "<x32>",
                "SHA1HashData": "0" * 40,
                "SHA256HashData": "<hash>",
                "AuthenticodeHashData": "<hash>",
                "FileSigningTime": "<n10t>.000",
                "IssuerCN": "Vendor Code Signing PCA",
                "SubjectCN": "Vendor Corporation",
                "SignInfoFlags": "8683538",
                "ModuleLoadCount": "<n3>",
                "Tags": "25, 27, 40, 151, 874, 924, 12094627905582, 12094627906234",
            },
        ),
    ),
    (
        "GenericFileWritten",
        13,
        0.0700,
        (
            _file(f"{HOME}\\AppData\\Local\\Temp", "<word>-<n6>.tmp"),
            _file(f"{DEVICE}\\ProgramData\\<word2>", "<word>.dat"),
            _file(f"{DEVICE}\\ProgramData\\<word2>\\cache", "<x32c>.bin"),
        ),
    ),
    ("NewExecutableWritten", 4, 0.0300, (_file(f"{DEVICE}\\Program Files\\<word2>", "<word>.exe"),)),
    (
        "PeFileWritten",
        14,
        0.0300,
        (
            _file(f"{HOME}\\Downloads", "<word>-<n6>.exe", SHA256HashData="<hash>"),
            _file(f"{WINDOWS}\\DriverStore\\FileRepository\\<word2>", "<word>.sys", SHA256HashData="<hash>"),
        ),
    ),
    ("OoxmlFileWritten", 12, 0.0300, (_file(f"{HOME}\\Documents\\<word2>", "<word> <n6>.docx"),)),
    ("DirectoryCreate", 1, 0.0300, (_file(f"{DEVICE}\\ProgramData\\<word2>", "<word>"),)),
    ("FileOpenInfo", 3, 0.0300, (_file(f"{DEVICE}\\ProgramData\\<word2>", "<word>.ini"),)),
    ("ZipFileWritten", 12, 0.0100, (_file(f"{DEVICE}\\ProgramData\\<word2>", "<word>.zip"),)),
    (
        "RegGenericValueUpdate",
        9,
        0.0400,
        (
            _registry("\\REGISTRY\\MACHINE\\SOFTWARE\\<word>\\<word3>\\Settings", "<word2>"),
            _registry("\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\<word>\\Parameters", "<word2>"),
        ),
    ),
    (
        "AsepValueUpdate",
        8,
        0.0200,
        (_registry("\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run", "<word>"),),
    ),
    (
        "RegSystemConfigValueUpdate",
        10,
        0.0200,
        (
            _registry(
                "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\<word>", "<word2>"
            ),
        ),
    ),
    (
        "EndOfProcess",
        16,
        0.0500,
        (
            {
                "ContextTimeStamp": "<sec>",
                "TargetProcessId": "<pid>",
                "RawProcessId": "<n5>",
                "ExitCode": "0",
                "ImageFileName": f"{WINDOWS}\\<word>.exe",
                "CLICreationCount": "0",
                "CycleTime": "<n10t>",
                "KernelTime": "<n6>",
                "UserTime": "<n6b>",
                "MaxThreadCount": "<n3>",
                "ModuleLoadCount": "<n3b>",
                "NetworkBindCount": "0",
                "NetworkConnectCount": "<n3>",
                "NetworkListenCount": "0",
                "RunDllInvocationCount": "0",
                "ExecutableBytesWritten": "0",
                "FileDeletedCount": "<n3b>",
                "BinaryExecutableWrittenCount": "0",
                "DirectoryCreatedCount": "0",
                "DirectoryEnumeratedCount": "<n4>",
                "DnsRequestCount": "<n3>",
                "DocumentFileWrittenCount": "0",
                "ExeAndServiceCount": "0",
                "GenericFileWrittenCount": "<n3b>",
                "RegKeySecurityDecreasedCount": "0",
                "SetThreadContextCount": "0",
                "SuspectStackCount": "0",
                "SHA256HashData": "<hash>",
                "ParentBaseFileName": "explorer.exe",
                "UserSid": "S-1-5-18",
            },
        ),
    ),
    (
        "ScriptControlScanTelemetry",
        2,
        0.0200,
        (
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "ScriptContentName": "C:\\Scripts\\<word>.ps1",
                "ScriptContent": _SCRIPT,
                "ScriptContentBytes": "<n4>",
                "ScriptControlReason": "1",
                "ScriptingLanguageId": "1",
                "ContentSHA256HashData": "<hash>",
                "HostProcessType": "3",
                "ParentProcessId": "<n13p>",
                "ImageFileName": f"{WINDOWS}\\WindowsPowerShell\\v1.0\\powershell.exe",
            },
        ),
    ),
    (
        "CommandHistory",
        2,
        0.0030,
        (
            {
                "ContextTimeStamp": "<sec>",
                "TargetProcessId": "<pid>",
                "ApplicationName": "cmd.exe",
                "CommandCount": "5",
                "CommandHistory": "cd \\ ~0026 dir¶ping <peerhost>¶type C:\\users\\<user>\\notes\\<word>.txt",
            },
        ),
    ),
    (
        "SensorHeartbeat",
        4,
        0.0400,
        (
            {
                "ComputerName": "<host>",
                "LocalAddressIP4": "<ip>",
                "ContextTimeStamp": "<sec>",
                "SensorStateBitMap": "0",
                "NetworkContainmentState": "0",
                "Flags": "<n6>",
                "ProvisionState": "1",
                "ConfigIDBase": "65994753",
                "ConfigIDBuild": "20104",
                "ConfigIDPlatform": "3",
                "ConfigurationVersion": "10",
                "BootStatusDataSize": "0",
                "CloudConnectionCount": "<n4>",
                "SensorUptime": "<n8>",
                "ChannelList": ", ".join(f"{number}:<n4>" for number in range(210, 242)),
            },
        ),
    ),
    (
        "ResourceUtilization",
        2,
        0.0300,
        (
            {
                "ComputerName": "<host>",
                "ContextTimeStamp": "<sec>",
                "AverageCpuUsage": "<n3>",
                "AverageUsedRam": "<n5>",
                "AvailableDiskSpace": "<n6>",
                "MaxCpuUsage": "<n3b>",
                "MaxUsedRam": "<n5b>",
                "UsedDiskSpace": "<n6b>",
                "UploadBytes": "<n8>",
                "ProcessCount": "<n3>",
                "ThreadCount": "<n4>",
                "Samples": ";".join(["<n5>,<n3>,<n4>"] * 20),
            },
        ),
    ),
    (
        "NeighborListIP4",
        2,
        0.0100,
        (
            {
                "ContextTimeStamp": "<sec>",
                "LocalAddressIP4": "<ip>",
                "NeighborList": ";".join(
                    f"{octet:02X}-15-5D-<n4>|<peer>|0|!!!!UNKNOWN!!!!" for octet in range(16, 34)
                ),
            },
        ),
    ),
    (
        "NetworkReceiveAcceptIP4",
        5,
        0.0200,
        (
            {
                **connection("<port>", ContextBaseFileName="svchost.exe"),
                "LocalPort": "3389",
                "ConnectionDirection": "1",
            },
            {
                **connection("<port>", ContextBaseFileName="<word>.exe"),
                "LocalPort": "5985",
                "ConnectionDirection": "1",
            },
        ),
    ),
    ("NetworkListenIP4", 5, 0.0100, (connection("0", "0.0.0.0", ContextBaseFileName="svchost.exe"),)),
    ("NetworkCloseIP4", 5, 0.0200, (connection("443", "<wan>", ContextBaseFileName="chrome.exe"),)),
    (
        "ProcessHandleOpDetectInfo",
        3,
        0.0120,
        (
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "TargetProcessId": "<n13p>",
                "DesiredAccess": "<n6>",
                "CallStackModuleNames": "|".join(
                    f"0+<n6>:\\Device\\HarddiskVolume3\\Windows\\System32\\{name}.dll+0x<n5>"
                    for name in (
                        "ntdll",
                        "KernelBase",
                        "kernel32",
                        "advapi32",
                        "combase",
                        "rpcrt4",
                        "sechost",
                        "user32",
                    )
                ),
            },
        ),
    ),
    (
        "ScheduledTaskRegistered",
        3,
        0.0010,
        (
            {
                "ContextTimeStamp": "<sec>",
                "ContextProcessId": "<pid>",
                "TaskName": "\\Vendor\\<word>",
                "TaskAuthor": "CORP\\<user>",
                "TaskExecCommand": "C:\\ProgramData\\<word2>\\<word>.exe",
                "TaskExecArguments": "/quiet",
                "UserName": "<user>",
            },
        ),
    ),
    ("UserLogon", 8, 0.0020, (logon("2"), logon("5"), logon("10", RemoteAddressIP4="<peer>"))),
    ("UserIdentity", 3, 0.0010, (logon("2", SessionId="1"),)),
    ("UserLogoff", 2, 0.0010, (logon("2", SessionId="1"),)),
    (
        "LocalIpAddressIP4",
        1,
        0.0005,
        (
            {
                "ComputerName": "<host>",
                "ContextTimeStamp": "<sec>",
                "LocalAddressIP4": "<ip>",
                "InterfaceAlias": "Ethernet0",
                "PhysicalAddress": "00-15-5d-10-<x2>-<x2b>",
                "InterfaceType": "6",
            },
        ),
    ),
    (
        "AgentOnline",
        20,
        0.0005,
        (
            {
                "ComputerName": "<host>",
                "ContextTimeStamp": "<sec>",
                "AgentVersion": "7.18.20104.0",
                "BootId": "<n3>",
                "ProductType": "1",
                "MachineDomain": "corp.example",
                "LocalAddressIP4": "<ip>",
            },
        ),
    ),
    (
        "SmbClientShareOpenedEtw",
        1,
        0.0005,
        (
            {
                "ComputerName": "<host>",
                "ContextTimeStamp": "<sec>",
                "ClientComputerName": "<peerhost>",
                "SmbShareName": "\\\\<peerhost>\\public",
            },
        ),
    ),
)
# The SMB traffic of every day, a third of all connections: shares of all records.
CONTEXT: Final[Kinds] = (
    ("NetworkConnectIP4", 12, 0.0210, (KERNEL_SMB,)),
    (
        "UserLogon",
        8,
        0.0110,
        (NETWORK_LOGON,),
    ),
)
