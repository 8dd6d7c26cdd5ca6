Feature: Readings
  Machines tell in packs of readings, and each reading counts once, for as long as is said.

  Scenario: Packs of readings are counted once, however often they are sent
    When a monitor sends 50 packs of 200 readings, and all of them again
    Then 10000 readings of it are kept
    And the newest of them is shown
    And it is said for how long and up to which number readings are kept

  Scenario: Readings that are older than is said go, and whoever asks of then is told what is kept
    Given a house that keeps single readings for an hour
    When a monitor sends 5 packs of 200 readings, and all of them again
    Then 1000 readings of it are kept
    When somebody notes the moment, and three hours go by
    Then no single reading of then is kept, and their minutes are
    And whoever asks how the machines were then is told since when readings are kept
