// What may be changed. alerts/generate takes a file that adds to this one.
{
  _config+:: {
    // Selects the exporter's series; every selector has it.
    selector: 'job="socket-exporter"',
    // Labels that a host's series share, and those that alerts about a whole fleet keep.
    hostLabels: ['cluster', 'job', 'instance'],
    fleetLabels: ['cluster', 'environment', 'job'],
    runbookBase: 'https://runbooks.example.com/socket_exporter',
    dashboardBase: 'https://grafana.example.com/d',
    // The values of the label severity.
    critical: 'critical',
    warning: 'warning',
    info: 'info',
    // An alert that inhibits another keeps firing as long as that one: alertmanager.yml.
    keepFiring: '10m',

    // Ports of one source and destination that are used, of those that connect() may take.
    portsSlow: 0.5,
    portsWarning: 0.7,
    portsCritical: 0.85,
    portsFillSeconds: 1800,
    // Connections opened to one destination a second, their median lifetime, and TIME_WAIT's part.
    churnOpens: 50,
    churnLifetimeSeconds: 10,
    churnTimeWait: 0.6,
    // Sockets in CLOSE_WAIT that a process never goes below, and how many more than half an hour ago.
    closeWaitFloor: 50,
    closeWaitRise: 5,
    // Part of the connection attempts to a destination that fail, where there are enough a second.
    failureWarning: 0.05,
    failureCritical: 0.25,
    failureAttempts: 0.1,
    // Seconds within which 95 % of a destination's responses begin, how many times as long as a day ago,
    // and responses a second that tell.
    slowSeconds: 0.2,
    slowFactor: 5,
    slowResponses: 0.1,
    // Descriptors of a process, and tables of the kernel, that are used.
    descriptors: 0.8,
    tableWarning: 0.75,
    tableCritical: 0.9,
    // Missed events a second; label sets that a metric's limit leaves out of a scrape.
    missedEvents: 1,
    leftOut: 1000,
    // Seconds until a critical alert is escalated, again, and again.
    escalation: [900, 1800, 3600],
    // Host totals of the optional rules.
    establishedCritical: 16000,
    timeWaitWarning: 5000,
  },
}
