Feature: OTLP after an outage
  What happens in coord reaches the monitoring that people already run, whole and once, however long that was away.

  Scenario: Work that ends while the collector is away reaches it later
    Given a collector that coord exports to
    When 3 items of work are done
    Then the collector has each of them once
    When the collector goes away
    And 3 items of work are done
    Then coord says that the collector does not answer
    When the collector comes back
    Then the collector has each of them once
    And nothing waits to be exported

  Scenario: An exporter that is killed loses nothing and repeats nothing
    Given a collector that coord exports to
    When the collector goes away
    And 3 items of work are done
    And the exporter is killed
    And 3 items of work are done
    And the exporter is started again
    And the collector comes back
    Then the collector has each of them once
    And nothing waits to be exported

  Scenario: An item that was tried twice is one story
    Given a collector that coord exports to
    When "ada" loses an item of work, and "bob" does it
    Then the collector shows one trace of it: two waits, two tries and the whole
    And the second try points to the first
