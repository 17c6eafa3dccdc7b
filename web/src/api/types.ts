/** The API's records. `make web` makes their types from the service's OpenAPI document. */

import type { components } from "../../generated/api";

type Schemas = components["schemas"];

export type Flight = Schemas["LiveFlight"];
export type Controller = Schemas["LiveController"];
export type Atis = Schemas["LiveAtis"];
export type Phase = Schemas["FlightPhase"];
export type Track = Schemas["TrackBody"];
export type TrackPoint = Schemas["TrackPoint"];
export type AirportBoard = Schemas["AirportAnswer"];
export type AirportInList = Schemas["AirportInList"];
export type AirportList = Schemas["AirportsAnswer"];
export type BoardFlight = Schemas["BoardFlight"];
export type BoardStation = Schemas["BoardStation"];
export type FirBoard = Schemas["FirAnswer"];
export type FirList = Schemas["FirsAnswer"];
export type Sector = Schemas["SectorAnswer"];
export type SectorList = Schemas["SectorsAnswer"];
export type Network = Schemas["Network"];
export type Status = Schemas["StatusBody"];
export type ClusterNode = Schemas["ClusterNode"];
export type Tree = Schemas["TreeBody"];
export type Node = Schemas["NodeInfo"];
export type Breaker = Schemas["BreakerInfo"];
export type ErrorsPage = Schemas["ErrorsPage"];
export type AlertsPage = Schemas["AlertsPage"];
export type Performance = Schemas["Performance"];
export type Problem = Schemas["Problem"];
export type WhoAmI = Schemas["WhoAmI"];
export type Scope = Schemas["Scope"];
export type Reloaded = Schemas["Reloaded"];
export type Fault = Schemas["Fault"];
export type FaultKind = Schemas["FaultKind"];
export type FaultsBody = Schemas["FaultsBody"];
export type DeadLetter = Schemas["DeadLetter"];
export type LettersPage = Schemas["LettersPage"];
export type KeyInfo = Schemas["KeyInfo"];
export type KeyList = Schemas["KeyList"];
export type MadeKey = Schemas["MadeKey"];
export type SubscriptionInfo = Schemas["SubscriptionInfo"];
export type SubscriptionList = Schemas["SubscriptionList"];
export type MadeSubscription = Schemas["MadeSubscription"];
export type Trends = Schemas["Trends"];
export type EventMetrics = Schemas["EventMetrics"];
