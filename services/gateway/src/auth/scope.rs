//! Scopes as types, so that a handler's signature says which one its route demands.

use vocabulary::Scope;

/// One scope.
pub(crate) trait RouteScope: Send + Sync + 'static {
    const SCOPE: Scope;
}

macro_rules! route_scopes {
    ($($scope:ident)+) => {
        $(
            /// The scope of the same name.
            pub(crate) enum $scope {}

            impl RouteScope for $scope {
                const SCOPE: Scope = Scope::$scope;
            }
        )+
    };
}

route_scopes! {
    TenantsRead TenantsWrite
    PeopleRead PeopleWrite
    ClientsRead ClientsWrite
    DevicesRead DevicesWrite
    ProfilesRead ProfilesWrite
    CodesRead CodesWrite
    AuditRead
    Operate
}
